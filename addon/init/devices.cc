// Device nodes, links and directories of the root file system. In process: init, before the pivot; everything is made
// relative to a descriptor inside the root, because /dev itself may be a link (CVE-2026-41579).

#include "init/context.h"

namespace {

constexpr u32 kTypeMask = 0170000;

// The host may have another device under this name.
Status bind_node(Context& context, Text path, u32 mode, u64 device) {
  Fd tree, target;
  TRY(tree.take(CALL(open_tree, AT_FDCWD, path.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), path));
  kernel::Stat status{};
  TRY(CALL(newfstatat, tree.get(), "", &status, AT_EMPTY_PATH), path);
  if ((status.mode & kTypeMask) != (mode & kTypeMask) || status.rdev != device) return failure(ENODEV, "newfstatat", path);
  TRY(make_mount_point(context.root, path, false, target));
  TRY(refuse_proc(target, path));
  return attach_tree(tree, target, path);
}

}  // namespace

Status make_device(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  u32 mode = arguments.number(), major = arguments.number(), minor = arguments.number();
  u32 uid = arguments.number(), gid = arguments.number(), bind = arguments.number();
  if (!arguments.done()) return malformed();
  const u64 device = kernel::device_number(major, minor);
  if (bind != 0) return bind_node(context, path, mode, device);
  Fd parent;
  Text name;
  TRY(make_parent(context.root, path, parent, name));
  sys::Call made = CALL(mknodat, parent.get(), name.data, mode, device);
  if (made.error() == EPERM) return bind_node(context, path, mode, device);  // a nested host: the capability is there, the right not
  if (made.error() == EEXIST) {
    kernel::Stat status{};
    TRY(CALL(newfstatat, parent.get(), name.data, &status, AT_SYMLINK_NOFOLLOW), path);
    const bool node = (mode & kTypeMask) != 0010000;
    if ((status.mode & kTypeMask) != (mode & kTypeMask) || (node && status.rdev != device)) return status_of(made, path);
    return {};
  }
  TRY(made, path);
  if (uid == 0 && gid == 0) return {};
  return status_of(CALL(fchownat, parent.get(), name.data, uid, gid, AT_SYMLINK_NOFOLLOW), path);
}

Status make_symlink(Context& context, plan::Reader& arguments) {
  Text path = arguments.text(), target = arguments.text();
  u32 replace = arguments.number();
  if (!arguments.done()) return malformed();
  Fd parent;
  Text name;
  TRY(make_parent(context.root, path, parent, name));
  if (replace != 0) {
    sys::Call removed = CALL(unlinkat, parent.get(), name.data, 0);
    if (removed.error() != ENOENT) TRY(removed, path);
  }
  sys::Call made = CALL(symlinkat, target.data, parent.get(), name.data);
  return made.error() == EEXIST ? Status{} : status_of(made, path);
}

Status make_directory(Context& context, plan::Reader& arguments) {
  Text path = arguments.text();
  u32 mode = arguments.number();
  if (!arguments.done()) return malformed();
  Fd directory;
  return make_directories(context.root, path, mode, directory);
}
