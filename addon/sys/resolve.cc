// See resolve.h. Runs in init, in the mount namespace of the container.

#include "sys/resolve.h"

namespace {

constexpr int kAttempts = 128;  // RESOLVE_IN_ROOT gives EAGAIN when a rename or mount raced with ".."

// Paths are relative to the root for openat2, which would refuse an empty one.
Text relative(Text path) {
  while (path.size > 0 && path.data[0] == '/') path = Text(path.data + 1, path.size - 1);
  return path.empty() ? Text(".") : path;
}

Status open_at(int root, const char* path, u64 flags, u64 resolve, Fd& out, Text operand) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  sys::Call opened{};
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    opened = CALL(openat2, root, path, &how, sizeof how);
    if (opened.error() != EAGAIN && opened.error() != EINTR) break;
  }
  return out.take(opened, operand);
}

}  // namespace

Status open_in_root(const Fd& root, Text path, u64 flags, Fd& out, bool no_symlinks) {
  return open_at(root.get(), relative(path).data, flags, no_symlinks ? RESOLVE_NO_SYMLINKS : 0, out, path);
}

Status make_directories(const Fd& root, Text path, u32 mode, Fd& out, bool no_symlinks) {
  constexpr u64 kDirectory = O_PATH | O_DIRECTORY;
  const u64 resolve = no_symlinks ? RESOLVE_NO_SYMLINKS : 0;
  const Text inside = relative(path);
  Status found = open_at(root.get(), inside.data, kDirectory, resolve, out, path);
  if (found.error != ENOENT) return found;

  // Back to the longest prefix that exists, then forward again. Every prefix is resolved from the root anew, so that
  // its links stay inside.
  PathBuffer prefix;
  prefix.add(inside);
  if (prefix.overflow) return failure(ENAMETOOLONG, "mkdirat", path);
  u32 end = prefix.size;
  while (found.error == ENOENT && end > 0) {
    while (end > 0 && prefix.data[end - 1] != '/') end--;
    while (end > 0 && prefix.data[end - 1] == '/') prefix.data[--end] = 0;
    found = open_at(root.get(), end == 0 ? "." : prefix.data, kDirectory, resolve, out, path);
  }
  TRY(found);
  while (end < prefix.size) {
    u32 start = end;
    while (start < prefix.size && prefix.data[start] == 0) prefix.data[start++] = '/';
    if (start == prefix.size) break;
    sys::Call made = CALL(mkdirat, out.get(), prefix.data + start, mode);
    if (made.error() != EEXIST) TRY(made, path);
    TRY(open_at(root.get(), prefix.data, kDirectory, resolve, out, path));
    while (end < prefix.size && (end < start || prefix.data[end] != 0)) end++;
  }
  return {};
}

Status make_parent(const Fd& root, Text path, Fd& parent, Text& name) {
  Text inside = relative(path);
  while (inside.size > 1 && inside.data[inside.size - 1] == '/') return failure(EINVAL, "openat2", path);
  u32 start = inside.size;
  while (start > 0 && inside.data[start - 1] != '/') start--;
  name = Text(inside.data + start, inside.size - start);
  if (name.empty() || name.equals(".") || name.equals("..")) return failure(EINVAL, "openat2", path);
  PathBuffer directory;
  directory.add(Text(inside.data, start));
  if (directory.overflow) return failure(ENAMETOOLONG, "openat2", path);
  Status made = make_directories(root, directory.text(), 0755, parent);
  made.operand = path;  // its own would be the buffer above
  return made;
}

Status make_mount_point(const Fd& root, Text path, bool directory, Fd& out) {
  if (directory) return make_directories(root, path, 0755, out);
  Status found = open_in_root(root, path, O_PATH, out);
  if (found.error != ENOENT) return found;
  Fd parent, file;
  Text name;
  TRY(make_parent(root, path, parent, name));
  sys::Call made = CALL(openat, parent.get(), name.data, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);
  if (made.error() != EEXIST) TRY(file.take(made, path));
  return open_in_root(root, path, O_PATH, out);
}
