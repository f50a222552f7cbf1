// Reads plans with addon/plan/reader.h as host and init do, and prints what it finds. A test program: built with the
// address and undefined-behaviour sanitizers by reader.test.ts, it ends with a report at the first read out of bounds.
//
// Standard input: u32 number of kinds, for each u32 operation, u32 length and the letters of its arguments (t text,
// n u32, l u64, b bytes, T list of texts, N numbers); then plans until the end, each u32 size and its bytes.
// Standard output: for each plan a line, "malformed", or its operations with texts and bytes in hex.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "plan/reader.h"

namespace {

using Kinds = std::map<u32, std::string>;

bool read_number(u32& number) { return std::fread(&number, sizeof number, 1, stdin) == 1; }

void add_hex(std::string& line, const char* data, u32 size) {
  static const char digits[] = "0123456789abcdef";
  line += ' ';
  for (u32 i = 0; i < size; i++) {
    line += digits[static_cast<u8>(data[i]) >> 4];
    line += digits[static_cast<u8>(data[i]) & 15];
  }
  if (size == 0) line += '-';
}

// As a C string, which is what the kernel gets: a text without its NUL would be read past the end here.
void add_text(std::string& line, Text text) {
  if (std::strlen(text.data) != text.size) std::abort();
  add_hex(line, text.data, text.size);
}

void add_argument(std::string& line, char kind, plan::Reader& arguments) {
  u32 count = 0;
  switch (kind) {
    case 't': return add_text(line, arguments.text());
    case 'n': line += ' ' + std::to_string(arguments.number()); return;
    case 'l': line += ' ' + std::to_string(arguments.number64()); return;
    case 'b': {
      plan::Reader bytes = arguments.bytes();
      return add_hex(line, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    case 'T': {
      plan::Reader list = arguments.list(count);
      line += " [" + std::to_string(count);
      for (u32 i = 0; i < count; i++) add_text(line, list.text());
      line += " ]";
      return;
    }
    case 'N':
      count = arguments.number();
      line += " [" + std::to_string(count);
      for (u32 i = 0; i < count && arguments.ok(); i++) line += ' ' + std::to_string(arguments.number());
      line += " ]";
      return;
    default: std::abort();
  }
}

bool read_operation(std::string& line, const Kinds& kinds, plan::Item& item) {
  const u32 code = static_cast<u32>(item.operation);
  auto found = kinds.find(code);
  if (found == kinds.end()) return false;
  line += ' ' + std::to_string(code);
  add_text(line, item.field);
  for (char kind : found->second) add_argument(line, kind, item.arguments);
  line += ';';
  return item.arguments.done();
}

std::string describe(const Kinds& kinds, const u8* data, u32 size) {
  plan::Operations operations(data, size);
  std::string line = "plan";
  plan::Item item;
  u32 expected = 0;
  while (operations.next(item)) {
    if (item.index != expected++ || !read_operation(line, kinds, item)) return "malformed";
  }
  return operations.complete() ? line : "malformed";
}

}  // namespace

int main() {
  Kinds kinds;
  u32 count = 0, code = 0, size = 0;
  if (!read_number(count)) return 1;
  for (u32 i = 0; i < count; i++) {
    if (!read_number(code) || !read_number(size)) return 1;
    std::string letters(size, ' ');
    if (size > 0 && std::fread(letters.data(), size, 1, stdin) != 1) return 1;
    kinds[code] = letters;
  }
  while (read_number(size)) {
    // Exactly as large as the plan, so that the byte behind it is not ours.
    u8* data = static_cast<u8*>(std::malloc(size == 0 ? 1 : size));
    if (size > 0 && std::fread(data, size, 1, stdin) != 1) return 1;
    std::puts(describe(kinds, data, size).c_str());
    std::free(data);
  }
  return 0;
}
