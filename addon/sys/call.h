// The one place where a system call is made. Works the same in the Node process and in the freestanding init: no
// errno, no libc; a failure comes back in the value. Runs anywhere, also between clone and exec.
#pragma once

#include <asm/unistd.h>

namespace sys {

// What a system call returned, and its name for the error that may come of it.
struct Call {
  long value;
  const char* name;
  [[nodiscard]] bool failed() const { return value < 0 && value > -4096; }
  [[nodiscard]] int error() const { return failed() ? static_cast<int>(-value) : 0; }
};

#if defined(NRUNC_FAKE_KERNEL)
// fuzz/init.cc: no system call reaches the kernel.
long raw(long number, long a, long b, long c, long d, long e, long f);
#else
// Inlined always: a clone that shares the stack must not return into a frame that the child has left.
__attribute__((always_inline)) inline long raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "nrunc knows x86_64 and aarch64"
#endif
}
#endif

template <class T>
inline long word(T* value) {
  return reinterpret_cast<long>(value);
}
inline long word(decltype(nullptr)) { return 0; }
inline long word(int value) { return value; }
inline long word(unsigned value) { return static_cast<long>(value); }
inline long word(long value) { return value; }
inline long word(unsigned long value) { return static_cast<long>(value); }

// A system call that is still to be given its arguments.
struct Number {
  long number;
  const char* name;

  template <class... Arguments>
  __attribute__((always_inline)) Call operator()(Arguments... arguments) const {
    static_assert(sizeof...(arguments) <= 6);
    long words[7] = {word(arguments)..., 0};
    constexpr unsigned n = sizeof...(arguments);
    return {raw(number, n > 0 ? words[0] : 0, n > 1 ? words[1] : 0, n > 2 ? words[2] : 0, n > 3 ? words[3] : 0,
                n > 4 ? words[4] : 0, n > 5 ? words[5] : 0),
            name};
  }
};

}  // namespace sys

// CALL(mount, a, b, c): the system call by its name.
#define CALL(name, ...) (::sys::Number{__NR_##name, #name}(__VA_ARGS__))
