// How a failure travels in C++: as a value that says which system call failed on what, and with which errno. The
// words are made in TypeScript. The operand must outlive the status (a text of the plan, or a static one).
#pragma once

#include <asm/errno.h>

#include "sys/call.h"
#include "sys/text.h"

struct [[nodiscard]] Status {
  int error = 0;
  const char* call = "";
  Text operand = {};
  [[nodiscard]] bool ok() const { return error == 0; }
};

inline Status failure(int error, const char* call, Text operand = {}) { return {error, call, operand}; }

inline Status status_of(sys::Call call, Text operand = {}) { return {call.error(), call.name, operand}; }
inline Status status_of(Status status, Text operand = {}) {
  if (!status.ok() && status.operand.empty()) status.operand = operand;
  return status;
}

// TRY(call [, operand]): return the failure of a system call or of another function, if there is one.
#define TRY(...)                                                                \
  do {                                                                          \
    if (Status try_status = status_of(__VA_ARGS__); !try_status.ok()) return try_status; \
  } while (0)
