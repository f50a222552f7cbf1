// Making the root file system the root: propagation, the bind of the root onto itself, pivot_root and its substitutes.
// In process: init, in the container's mount namespace; the host's mounts are still below `/` until the pivot.

#include <initializer_list>

#include "init/context.h"

namespace {

Status mount_flags(const char* target, u64 flags, Text operand) {
  return status_of(CALL(mount, nullptr, target, nullptr, flags, nullptr), operand);
}

// A mount on top of a shared one would appear on the host, and pivot_root refuses it: the mount that PATH is in is made
// private. It is found by going up from PATH to the root of a mount.
Status make_parent_private(Text path) {
  Fd at;
  TRY(at.take(CALL(openat, AT_FDCWD, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path));
  for (u32 depth = 0; depth < kPathMax; depth++) {
    struct statx status {};
    TRY(CALL(statx, at.get(), "", AT_EMPTY_PATH, 0, &status), path);
    if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) break;
    TRY(at.take(CALL(openat, at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path));
  }
  mount_attr change{};
  change.propagation = MS_PRIVATE;
  return status_of(CALL(mount_setattr, at.get(), "", AT_EMPTY_PATH, &change, sizeof change), path);
}

}  // namespace

Status set_propagation(Context&, plan::Reader& arguments) {
  u32 flags = arguments.number();
  return arguments.done() ? mount_flags("/", flags, "/") : malformed();
}

Status open_root(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  u32 bind = arguments.number();
  if (!arguments.done()) return malformed();
  if (bind != 0) {
    Fd tree, target;
    TRY(make_parent_private(path));
    // pivot_root wants a mount point whose parent is not shared: a private copy of the tree on top of itself.
    TRY(tree.take(CALL(open_tree, AT_FDCWD, path.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), path));
    TRY(target.take(CALL(openat, AT_FDCWD, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path));
    TRY(attach_tree(tree, target, path));
  }
  return context.root.take(CALL(openat, AT_FDCWD, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path);
}

Status attach_root(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  const u32 tree = arguments.number();
  if (!arguments.done()) return malformed();
  Fd target;
  kernel::Stat status{};
  context.take_slot(tree, context.root);
  TRY(CALL(newfstatat, context.root.get(), "", &status, AT_EMPTY_PATH), path);
  if ((status.mode & 0170000) != 0040000) return failure(ENOTDIR, "newfstatat", path);
  TRY(target.take(CALL(openat, AT_FDCWD, plan::kBareRoot, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), plan::kBareRoot));
  return attach_tree(context.root, target, path);
}

// pivot_root(".", ".") stacks the old root on the new one; it is then the topmost mount of "." and is detached.
Status pivot_root(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  if (!arguments.done()) return malformed();
  Fd old_root;
  TRY(old_root.take(CALL(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/"));
  TRY(CALL(fchdir, context.root.get()), path);
  TRY(CALL(pivot_root, ".", "."), path);
  TRY(CALL(fchdir, old_root.get()), "/");
  // What is unmounted here must not be unmounted on the host.
  TRY(mount_flags(".", MS_SLAVE | MS_REC, "/"));
  TRY(CALL(umount2, ".", 2 /* MNT_DETACH */), "/");
  return status_of(CALL(chdir, "/"), "/");
}

// Without pivot_root the host's mounts stay reachable in the mount table: those that a new /proc or /sys could be
// compared with are taken away first.
Status move_root(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  if (!arguments.done()) return malformed();
  for (const char* revealing : {"/proc", "/sys"}) {
    if (mount_flags(revealing, MS_SLAVE | MS_REC, revealing).ok()) CALL(umount2, revealing, 2);
  }
  TRY(CALL(fchdir, context.root.get()), path);
  TRY(CALL(mount, ".", "/", nullptr, MS_MOVE, nullptr), path);
  TRY(CALL(chroot, "."), path);
  return status_of(CALL(chdir, "/"), "/");
}

Status change_root(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  if (!arguments.done()) return malformed();
  TRY(CALL(fchdir, context.root.get()), path);
  TRY(CALL(chroot, "."), path);
  return status_of(CALL(chdir, "/"), "/");
}

Status root_propagation(Context&, plan::Reader& arguments) {
  u32 flags = arguments.number();
  return arguments.done() ? mount_flags("/", flags, "/") : malformed();
}

Status remount_root_readonly(Context&, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY;
  return status_of(CALL(mount_setattr, AT_FDCWD, "/", 0, &change, sizeof change), "/");
}
