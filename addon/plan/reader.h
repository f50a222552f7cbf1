// Bounds-checked reading of a plan. A read past the end or of a malformed text makes the reader fail for good and gives
// a zero or an empty text, so that callers check once, after the last argument.
#pragma once

#include "plan/format.h"
#include "plan/operations.h"

namespace plan {

class Reader {
 public:
  Reader() = default;
  Reader(const u8* data, u32 size) : data_(data), size_(size) {}

  [[nodiscard]] bool ok() const { return ok_; }
  // True when everything was read, and nothing beyond it.
  [[nodiscard]] bool done() const { return ok_ && at_ == size_; }

  u32 number() {
    u32 value = 0;
    if (const u8* from = take(4)) __builtin_memcpy(&value, from, 4);
    return value;
  }
  u64 number64() {
    u64 value = 0;
    if (const u8* from = take(8)) __builtin_memcpy(&value, from, 8);
    return value;
  }
  Text text() {
    u32 length = number();
    if (!ok_ || length >= size_ - at_) return fail();
    const u8* from = take(length + 1);
    if (from == nullptr || from[length] != 0) return fail();
    for (u32 i = 0; i < length; i++) {
      if (from[i] == 0) return fail();
    }
    return Text(reinterpret_cast<const char*>(from), length);
  }
  // A nested piece of its own bounds.
  Reader bytes() {
    u32 length = number();
    const u8* from = take(length);
    return from == nullptr ? Reader() : Reader(from, length);
  }
  [[nodiscard]] const u8* data() const { return data_; }
  [[nodiscard]] u32 size() const { return size_; }
  // A list stays where it is: the reader is moved behind it, the copy reads it.
  Reader list(u32& count) {
    count = number();
    Reader start = *this;
    for (u32 i = 0; i < count && ok_; i++) text();
    if (!ok_) count = 0;
    return start;
  }

 private:
  const u8* take(u32 length) {
    if (!ok_ || length > size_ - at_) {
      ok_ = false;
      return nullptr;
    }
    const u8* from = data_ + at_;
    at_ += length;
    return from;
  }
  Text fail() {
    ok_ = false;
    return {};
  }

  const u8* data_ = nullptr;
  u32 size_ = 0;
  u32 at_ = 0;
  bool ok_ = true;
};

// One operation, its pointer read, its arguments still to be read.
struct Item {
  u32 index = 0;
  Operation operation{};
  Text field;
  Reader arguments;
};

// The operations of a plan, one after the other.
class Operations {
 public:
  Operations() = default;
  Operations(const u8* data, u32 size) : reader_(data, size) {
    const bool header = reader_.number() == kMagic && reader_.number() == kVersion && reader_.number() == size;
    if (header) count_ = reader_.number();
    valid_ = header && reader_.ok() && size <= kMaximumSize;
  }
  // False at the end or when the plan is malformed; `valid` tells which.
  bool next(Item& item) {
    if (!valid_ || next_ == count_) return false;
    item.index = next_++;
    item.operation = static_cast<Operation>(reader_.number());
    item.arguments = reader_.bytes();
    item.field = item.arguments.text();
    valid_ = reader_.ok() && item.arguments.ok();
    return valid_;
  }
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] bool complete() const { return valid_ && next_ == count_ && reader_.done(); }

 private:
  Reader reader_;
  u32 count_ = 0;
  u32 next_ = 0;
  bool valid_ = false;
};

}  // namespace plan
