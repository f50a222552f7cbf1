// A file descriptor that is closed by exactly one object.
#pragma once

#include "sys/status.h"

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : number_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }
  [[nodiscard]] int release() {
    int number = number_;
    number_ = -1;
    return number;
  }
  void reset(int number = -1) {
    if (number_ >= 0) CALL(close, number_);
    number_ = number;
  }
  // Take what a system call returned; its failure is returned.
  Status take(sys::Call call, Text operand = {}) {
    if (call.failed()) return status_of(call, operand);
    reset(static_cast<int>(call.value));
    return {};
  }

 private:
  int number_ = -1;
};
