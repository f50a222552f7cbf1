// See lock.h.

#include "host/lock.h"

#include <errno.h>

#include "sys/fd.h"
#include "sys/kernel.h"

namespace host {

int holds_at_most(const Fd& directory, u32 entries) {
  struct Entry {  // struct linux_dirent64
    u64 inode, offset;
    u16 size;
    u8 type;
    char name[];
  };
  alignas(8) char buffer[512];
  for (u32 count = 0;;) {
    const sys::Call size = CALL(getdents64, directory.get(), buffer, sizeof buffer);
    if (size.failed()) return size.error();
    if (size.value == 0) return 0;
    for (long at = 0; at < size.value; at += reinterpret_cast<Entry*>(buffer + at)->size) {
      if (++count > entries + 2) return ENOTEMPTY;
    }
  }
}

int take_lock(const std::string& directory, bool wait, bool fresh) {
  Fd held;
  Status opened = held.take(CALL(openat, AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!opened.ok()) return -opened.error;
  sys::Call locked{};
  do {
    locked = CALL(flock, held.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB);
  } while (locked.error() == EINTR);
  if (locked.failed()) return -locked.error();
  kernel::Stat status{};
  if (sys::Call looked = CALL(fstat, held.get(), &status); looked.failed()) return -looked.error();
  if (status.nlink == 0) return -ENOENT;
  const int refused = fresh ? holds_at_most(held, 0) : 0;
  return refused != 0 ? -refused : held.release();
}

}  // namespace host
