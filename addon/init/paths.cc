// maskedPaths, readonlyPaths and writes below /proc. In process: init, before the pivot, in the container's mount
// namespace.

#include "init/context.h"

namespace {

Status open_masking_tree(Context& context, Text label) {
  if (context.masked.valid()) return {};
  // One empty file system for all masked directories: a super block each would cost far more.
  Fd filesystem;
  TRY(filesystem.take(CALL(fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */), "tmpfs"));
  constexpr u32 kSetFlag = 0, kSetString = 1, kCreate = 6;
  TRY(CALL(fsconfig, filesystem.get(), kSetString, "nr_blocks", "1", 0), "tmpfs");
  TRY(CALL(fsconfig, filesystem.get(), kSetString, "nr_inodes", "1", 0), "tmpfs");
  TRY(CALL(fsconfig, filesystem.get(), kSetFlag, "ro", nullptr, 0), "tmpfs");
  if (!label.empty()) TRY(CALL(fsconfig, filesystem.get(), kSetString, "context", label.data, 0), label);
  TRY(CALL(fsconfig, filesystem.get(), kCreate, nullptr, nullptr, 0), "tmpfs");
  return context.masked.take(CALL(fsmount, filesystem.get(), 1 /* FSMOUNT_CLOEXEC */,
                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
                             "tmpfs");
}

// The first directory takes the detached mount itself; the descriptor goes on naming it, so the others clone it.
Status mask_directory(Context& context, const Fd& target, Text path, Text label) {
  if (!context.masked.valid()) {
    TRY(open_masking_tree(context, label));
    return attach_tree(context.masked, target, path);
  }
  Fd copy;
  TRY(copy.take(CALL(open_tree, context.masked.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), path));
  return attach_tree(copy, target, path);
}

}  // namespace

// The host's own node: a container that puts something else at /dev/null must not have that bound over what is to be
// hidden (CVE-2025-31133).
Status open_null_device(Context& context) {
  if (context.null_device.valid()) return {};
  TRY(context.null_device.take(CALL(openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), "/dev/null"));
  kernel::Stat status{};
  TRY(CALL(newfstatat, context.null_device.get(), "", &status, AT_EMPTY_PATH), "/dev/null");
  const bool good = (status.mode & 0170000) == 0020000 && status.rdev == kernel::kNullDevice;
  return good ? Status{} : failure(ENODEV, "newfstatat", "/dev/null");
}

Status mask_path(Context& context, plan::Reader& arguments) {
  Text path = arguments.text(), label = arguments.text();
  const u32 mount = arguments.number();
  Text inside = arguments.text();
  if (!arguments.done()) return malformed();
  Fd target;
  Status found = open_in_mount(context, mount, inside, O_PATH, target);
  if (found.error == ENOENT || found.error == ENOTDIR) return {};
  TRY(found);
  kernel::Stat status{};
  TRY(CALL(newfstatat, target.get(), "", &status, AT_EMPTY_PATH), path);
  if ((status.mode & 0170000) == 0040000) return mask_directory(context, target, path, label);
  TRY(open_null_device(context));
  Fd tree;
  TRY(tree.take(
      CALL(open_tree, context.null_device.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), path));
  return attach_tree(tree, target, path);
}

Status readonly_path(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  const u32 mount = arguments.number();
  Text inside = arguments.text();
  if (!arguments.done()) return malformed();
  Fd target, tree;
  Status found = open_in_mount(context, mount, inside, O_PATH, target);
  if (found.error == ENOENT || found.error == ENOTDIR) return {};
  TRY(found);
  TRY(tree.take(
      CALL(open_tree, target.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE), path));
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY;
  TRY(CALL(mount_setattr, tree.get(), "", AT_EMPTY_PATH, &change, sizeof change), path);
  return attach_tree(tree, target, path);
}

// PATH is relative to the host's /proc, whose descriptor was opened before the root file system was: a write cannot be
// redirected by what the container mounted there (CVE-2025-52881).
Status write_proc(Context& context, plan::Reader& arguments) {
  Text path = arguments.text(), value = arguments.text();
  if (!arguments.done()) return malformed();
  Fd file;
  TRY(file.take(CALL(openat, context.proc.get(), path.data, O_WRONLY | O_CLOEXEC, 0), path));
  return status_of(CALL(write, file.get(), value.data, value.size), path);
}
