// A view of bytes that end in NUL, so that it can go to the kernel as it is. Owns nothing.
#pragma once

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long;
using i16 = short;
using i32 = int;
using i64 = long;

constexpr u32 kPathMax = 4096;

struct Text {
  const char* data = "";
  u32 size = 0;

  constexpr Text() = default;
  constexpr Text(const char* start, u32 length) : data(start), size(length) {}
  constexpr Text(const char* literal) : data(literal) {
    while (literal[size] != 0) size++;
  }
  [[nodiscard]] bool empty() const { return size == 0; }
  [[nodiscard]] bool equals(Text other) const {
    if (size != other.size) return false;
    for (u32 i = 0; i < size; i++) {
      if (data[i] != other.data[i]) return false;
    }
    return true;
  }
  [[nodiscard]] bool starts_with(Text prefix) const {
    return size >= prefix.size && Text(data, prefix.size).equals(prefix);
  }
};

// A path or number being put together. Overflow is remembered, never written past the end.
template <u32 Capacity>
struct TextBuffer {
  char data[Capacity];
  u32 size = 0;
  bool overflow = false;

  TextBuffer() { data[0] = 0; }
  TextBuffer& add(Text text) {
    if (text.size >= Capacity - size) {
      overflow = true;
      return *this;
    }
    for (u32 i = 0; i < text.size; i++) data[size + i] = text.data[i];
    size += text.size;
    data[size] = 0;
    return *this;
  }
  TextBuffer& add_number(u64 value) {
    char digits[24];
    u32 at = sizeof digits;
    do {
      digits[--at] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return add(Text(digits + at, sizeof digits - at));
  }
  void truncate(u32 length) {
    size = length;
    data[size] = 0;
  }
  [[nodiscard]] Text text() const { return Text(data, size); }
};
using PathBuffer = TextBuffer<kPathMax>;
