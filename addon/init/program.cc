// Finding and executing the program of the container. In process: init, after the pivot, as the container's user.

#include "init/context.h"

namespace {

constexpr u32 kPasswdMax = 64 * 1024;

Status check_executable(const char* path, Text operand) {
  kernel::Stat status{};
  sys::Call found = CALL(newfstatat, AT_FDCWD, path, &status, 0);
  if (found.failed()) return failure(found.error(), "stat", operand);
  if ((status.mode & 0170000) == 0040000) return failure(EISDIR, "stat", operand);
  TRY(CALL(faccessat2, AT_FDCWD, path, 1 /* X_OK */, AT_EACCESS), operand);
  return (status.mode & 0111) != 0 ? Status{} : failure(EACCES, "faccessat2", operand);
}

bool has_slash(Text name) {
  for (u32 i = 0; i < name.size; i++) {
    if (name.data[i] == '/') return true;
  }
  return false;
}

bool parse_number(Text text, u32& number) {
  u64 value = 0;
  for (u32 i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9' || value > 0xffffffff) return false;
    value = value * 10 + static_cast<u64>(text.data[i] - '0');
  }
  number = static_cast<u32>(value);
  return !text.empty() && value <= 0xffffffff;
}

// name:password:uid:gid:comment:home:shell
bool home_of(Text line, u32 uid, Text& home) {
  Text fields[7];
  u32 count = 0, start = 0;
  for (u32 i = 0; i <= line.size && count < 7; i++) {
    if (i < line.size && line.data[i] != ':') continue;
    fields[count++] = Text(line.data + start, i - start);
    start = i + 1;
  }
  u32 number = 0;
  if (count < 6 || !parse_number(fields[2], number) || number != uid) return false;
  home = fields[5];
  return true;
}

// The file is the container's: it is read as data, bounded, and anything odd in it means "/". It may be a FIFO, or a
// terminal, which would become that of the new session.
void find_home(u32 uid, PathBuffer& out) {
  out.add("HOME=");
  Text home = "/";
  Fd file;
  if (file.take(CALL(openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0)).ok()) {
    static char contents[kPasswdMax];
    sys::Call size = CALL(read, file.get(), contents, sizeof contents);
    u32 start = 0, end = size.failed() ? 0 : static_cast<u32>(size.value);
    // The last line may lack its line feed, unless it is where the buffer ended.
    for (u32 i = 0; i < end || (i == end && end < sizeof contents); i++) {
      if (i < end && contents[i] != '\n') continue;
      if (home_of(Text(contents + start, i - start), uid, home)) break;
      start = i + 1;
    }
  }
  if (home.empty() || home.size > kPathMax - 6) home = "/";
  out.add(home);
}

}  // namespace

Status find_program(Context& context, plan::Reader& arguments) {
  Text name = arguments.text(), search = arguments.text();
  if (!arguments.done()) return malformed();
  if (has_slash(name)) {
    context.program.add(name);
    return context.program.overflow ? failure(ENAMETOOLONG, "stat", name) : check_executable(name.data, name);
  }
  for (u32 start = 0; start <= search.size;) {
    u32 end = start;
    while (end < search.size && search.data[end] != ':') end++;
    context.program.truncate(0);
    context.program.overflow = false;
    context.program.add(end == start ? Text(".") : Text(search.data + start, end - start)).add("/").add(name);
    if (!context.program.overflow && check_executable(context.program.data, name).ok()) return {};
    start = end + 1;
    if (search.empty()) break;
  }
  return failure(ENOENT, "execve", name);
}

// A list of texts as a NULL-terminated array of pointers, with room for `extra` more at its end.
Status make_pointers(plan::Reader& arguments, u32 extra, const char**& pointers, u32& count) {
  plan::Reader list = arguments.list(count);
  if (!arguments.ok()) return malformed();
  const u64 size = (static_cast<u64>(count) + extra + 1) * sizeof(char*);
  sys::Call memory = CALL(mmap, nullptr, size, 3, 0x22, -1, 0);  // read and write, private, anonymous
  TRY(memory);
  pointers = reinterpret_cast<const char**>(memory.value);
  for (u32 i = 0; i < count; i++) pointers[i] = list.text().data;
  return {};
}

Status execute(Context& context, plan::Reader& arguments) {
  const char **argv = nullptr, **envp = nullptr;
  u32 argc = 0, envc = 0;
  TRY(make_pointers(arguments, 0, argv, argc));
  TRY(make_pointers(arguments, 1, envp, envc));
  u32 add_home = arguments.number(), uid = arguments.number();
  if (!arguments.done()) return malformed();
  PathBuffer home;
  if (add_home != 0) {
    find_home(uid, home);
    envp[envc] = home.data;  // NOLINT(clang-analyzer-core.NullDereference): it does not know that malformed() is a failure
  }
  TRY(load_filter(context));
  return status_of(CALL(execve, context.program.data, argv, envp), context.program.text());
}

Status change_directory(Context&, plan::Reader& arguments) {
  Text path = arguments.text();
  u32 tolerate_denied = arguments.number();
  if (!arguments.done()) return malformed();
  sys::Call changed = CALL(chdir, path.data);
  if (changed.error() == EACCES && tolerate_denied != 0) return {};
  TRY(changed, path);
  // A directory of the host, reached through a leaked descriptor, has no path below this root (CVE-2024-21626).
  char current[kPathMax];
  sys::Call where = CALL(getcwd, current, sizeof current);
  TRY(where, path);
  return current[0] == '/' ? Status{} : failure(ENOENT, "getcwd", path);
}
