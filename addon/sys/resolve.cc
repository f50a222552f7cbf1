// See resolve.h. Runs in init, in the mount namespace of the container, and on threads of the Node process, which have
// the container's root as a descriptor.

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

constexpr int kLinks = 40;  // what the kernel follows in one path

// The link at NAME leads to what does not exist. Images rely on runc's making it (/var/run -> /run without a /run),
// inside the root: the text of the link takes the place of its name, and the resolution begins anew. BEFORE ends in a
// slash or is empty, AFTER begins with one or is empty.
Status follow_dangling(const Fd& parent, const char* name, Text before, Text after, PathBuffer& path) {
  char target[kPathMax];
  sys::Call size = CALL(readlinkat, parent.get(), name, target, sizeof target);
  TRY(size);
  Text link(target, static_cast<u32>(size.value));
  PathBuffer next;
  if (link.empty() || target[0] != '/') next.add(before);
  while (!link.empty() && link.data[0] == '/') link = Text(link.data + 1, link.size - 1);
  next.add(link).add(after);
  if (next.overflow || next.size == 0) return failure(next.overflow ? ENAMETOOLONG : ENOENT, "readlinkat");
  path.truncate(0);
  path.add(next.text());
  return {};
}

// Back to the longest prefix of PATH that exists, then forward again. Every prefix is resolved from the root anew, so
// that its links stay inside. AGAIN: PATH was changed, because a dangling link is on the way.
Status make_existing(const Fd& root, PathBuffer& path, u32 mode, bool no_symlinks, Fd& out, bool& again) {
  constexpr u64 kDirectory = O_PATH | O_DIRECTORY;
  const u64 resolve = no_symlinks ? RESOLVE_NO_SYMLINKS : 0;
  const auto open_prefix = [&](u32 end) {
    const char next = path.data[end];
    path.data[end] = 0;
    Status opened = open_at(root.get(), end == 0 ? "." : path.data, kDirectory, resolve, out, {});
    path.data[end] = next;
    return opened;
  };
  u32 end = path.size;
  Status found = open_prefix(end);
  while (found.error == ENOENT && end > 0) {
    while (end > 0 && path.data[end - 1] != '/') end--;
    while (end > 0 && path.data[end - 1] == '/') end--;
    found = open_prefix(end);
  }
  TRY(found);
  for (;;) {
    u32 start = end;
    while (path.data[start] == '/') start++;
    if (start == path.size) return {};
    end = start;
    while (end < path.size && path.data[end] != '/') end++;
    TextBuffer<256> name;
    name.add(Text(path.data + start, end - start));
    if (name.overflow) return failure(ENAMETOOLONG, "mkdirat");
    sys::Call made = CALL(mkdirat, out.get(), name.data, mode);
    if (made.error() != EEXIST) TRY(made);
    found = open_prefix(end);
    if (made.error() == EEXIST && found.error == ENOENT) {
      again = true;
      return follow_dangling(out, name.data, Text(path.data, start), Text(path.data + end, path.size - end), path);
    }
    TRY(found);
  }
}

}  // namespace

Status open_in_root(const Fd& root, Text path, u64 flags, Fd& out, bool no_symlinks) {
  return open_at(root.get(), relative(path).data, flags, no_symlinks ? RESOLVE_NO_SYMLINKS : 0, out, path);
}

Status make_directories(const Fd& root, Text path, u32 mode, Fd& out, bool no_symlinks) {
  PathBuffer inside;
  inside.add(relative(path));
  if (inside.overflow) return failure(ENAMETOOLONG, "mkdirat", path);
  for (int links = 0; links <= kLinks; links++) {
    bool again = false;
    Status made = make_existing(root, inside, mode, no_symlinks, out, again);
    if (!made.ok()) return failure(made.error, made.call, path);  // its own operand may be the buffer above
    if (!again) return {};
  }
  return failure(ELOOP, "openat2", path);
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
  PathBuffer inside;
  inside.add(relative(path));
  if (inside.overflow) return failure(ENAMETOOLONG, "openat2", path);
  for (int links = 0; links <= kLinks; links++) {
    Status found = open_in_root(root, inside.text(), O_PATH, out);
    if (found.error != ENOENT) return failure(found.error, found.call, path);
    Fd parent, file;
    Text name;
    Status made = make_parent(root, inside.text(), parent, name);
    if (!made.ok()) return failure(made.error, made.call, path);
    constexpr int kNewFile = O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY;
    made = file.take(CALL(openat, parent.get(), name.data, kNewFile, 0644));
    if (made.error != 0 && made.error != EEXIST) return failure(made.error, made.call, path);
    found = open_in_root(root, inside.text(), O_PATH, out);
    if (made.error == 0 || found.error != ENOENT) return failure(found.error, found.call, path);
    made = follow_dangling(parent, name.data, Text(inside.data, inside.size - name.size), {}, inside);
    if (!made.ok()) return failure(made.error, made.call, path);
  }
  return failure(ELOOP, "openat2", path);
}
