// The functions that the compiler calls on its own and that libc would bring.

#include "sys/text.h"

extern "C" {

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
