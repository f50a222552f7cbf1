// What a fuzzer gives, read from the front; past its end there are zeros.
#pragma once

#include <asm/errno.h>
#include <string.h>

#include "sys/text.h"

struct Bytes {
  const u8* at = nullptr;
  const u8* end = nullptr;

  [[nodiscard]] u64 left() const { return static_cast<u64>(end - at); }
  u8 next() { return at < end ? *at++ : 0; }
  u64 copy(void* into, u64 size) {
    const u64 count = size < left() ? size : left();
    if (count > 0) memcpy(into, at, count);
    at += count;
    return count;
  }
  // A part of bounds of its own, its size before it.
  Bytes part() {
    u16 size = 0;
    copy(&size, sizeof size);
    Bytes one{at, at + (size < left() ? size : left())};
    at = one.end;
    return one;
  }
  // What a system call may fail with, as the kernel returns it.
  long error() {
    constexpr int kErrors[] = {EINTR, EINVAL, ENOENT, EPERM, EACCES, ENOMEM, EMFILE, ENOSPC,
                               EEXIST, ENOSYS, EAGAIN, ELOOP, EBUSY, EXDEV, ENOTDIR, EPIPE};
    return -kErrors[next() % 16];
  }
};
