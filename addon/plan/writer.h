// Puts a frame together in a fixed buffer: what does not fit is cut (an error text), never written past the end.
#pragma once

#include "plan/format.h"
#include "plan/operations.h"
#include "sys/status.h"

namespace plan {

class FrameWriter {
 public:
  explicit FrameWriter(FrameType type) { frame()->type = type; }

  FrameWriter& number(u32 value) {
    if (sizeof buffer_ - size_ >= 4) {
      __builtin_memcpy(buffer_ + size_, &value, 4);
      size_ += 4;
    }
    return *this;
  }
  FrameWriter& text(Text value, u32 limit) {
    u32 length = value.size < limit ? value.size : limit;
    if (sizeof buffer_ - size_ < length + 5) return number(0);
    number(length);
    __builtin_memcpy(buffer_ + size_, value.data, length);
    size_ += length;
    buffer_[size_++] = 0;
    return *this;
  }
  FrameWriter& failure(u32 index, Operation operation, Text field, const Status& status, Text detail) {
    return number(index)
        .number(static_cast<u32>(operation))
        .number(static_cast<u32>(status.error))
        .text(field, 1024)
        .text(status.call, 64)
        .text(status.operand, 4096)
        .text(detail, 2048);
  }
  [[nodiscard]] const u8* data() {
    frame()->size = size_ - static_cast<u32>(sizeof(Frame));
    return buffer_;
  }
  [[nodiscard]] u32 size() const { return size_; }

 private:
  Frame* frame() { return reinterpret_cast<Frame*>(buffer_); }
  alignas(8) u8 buffer_[8192];
  u32 size_ = sizeof(Frame);
};

}  // namespace plan
