// The functions that the compiler calls on its own and that libc would bring. In init and in the launcher.

#include "init/memory.h"

#include "sys/text.h"

extern "C" {

// What functions with buffers find again before they return (-mstack-protector-guard=global).
u64 __stack_chk_guard = 0;

// A buffer was overrun: nothing of this process can be trusted any more, not even to say so.
[[noreturn]] void __stack_chk_fail() { __builtin_trap(); }

// With the random bytes that the kernel gives each program (AT_RANDOM, getauxval(3)). STACK is what it begins with: the
// number of arguments, their list, the environment, the auxiliary vector. A zero byte stops what copies texts.
void seed_stack_guard(long* stack) {
  constexpr long kRandom = 25;
  long* at = stack + 1 + stack[0] + 1;
  while (*at != 0) at++;
  for (at++; at[0] != 0; at += 2) {
    if (at[0] != kRandom) continue;
    __builtin_memcpy(&__stack_chk_guard, reinterpret_cast<void*>(at[1]), sizeof __stack_chk_guard);  // not aligned
    __stack_chk_guard &= ~0xffUL;
  }
}

void* memcpy(void* to, const void* from, unsigned long size) {
  auto* target = static_cast<u8*>(to);
  auto* source = static_cast<const u8*>(from);
  for (unsigned long i = 0; i < size; i++) target[i] = source[i];
  return to;
}

void* memmove(void* to, const void* from, unsigned long size) {
  auto* target = static_cast<u8*>(to);
  auto* source = static_cast<const u8*>(from);
  if (target <= source) return memcpy(to, from, size);
  for (unsigned long i = size; i > 0; i--) target[i - 1] = source[i - 1];
  return to;
}

void* memset(void* to, int value, unsigned long size) {
  auto* target = static_cast<u8*>(to);
  for (unsigned long i = 0; i < size; i++) target[i] = static_cast<u8>(value);
  return to;
}

int memcmp(const void* left, const void* right, unsigned long size) {
  auto* a = static_cast<const u8*>(left);
  auto* b = static_cast<const u8*>(right);
  for (unsigned long i = 0; i < size; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}
}
