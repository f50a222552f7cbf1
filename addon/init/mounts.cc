// The mounts of config.json. In process: init, in the container's mount namespace, before the pivot: sources are paths
// of the host, destinations are resolved inside the root file system.

#include "init/context.h"

namespace {

// The current directory is the mount point: no path of the container is looked up again.
Status mount_here(const Fd& target, const char* source, const char* type, u64 flags, const char* data, Text operand) {
  TRY(CALL(fchdir, target.get()), operand);
  return status_of(CALL(mount, source, ".", type, flags, data), operand);
}

Status set_tree_attributes(int tree, u64 set, u64 clear, u64 propagation, u32 flags, Text operand) {
  if (set == 0 && clear == 0 && propagation == 0) return {};
  mount_attr change{};
  change.attr_set = set;
  change.attr_clr = clear;
  change.propagation = propagation;
  return status_of(CALL(mount_setattr, tree, "", AT_EMPTY_PATH | flags, &change, sizeof change), operand);
}

Status propagate(Context& context, Text destination, u32 propagation) {
  if (propagation == 0) return {};
  Fd mounted;
  TRY(open_in_root(context.root, destination, O_PATH, mounted));
  const u32 recursive = (propagation & MS_REC) != 0 ? AT_RECURSIVE : 0;
  u32 kind = propagation & ~static_cast<u32>(MS_REC);
  if (kind == (MS_SLAVE | MS_SHARED)) {  // a slave first, which is then shared: two steps
    TRY(set_tree_attributes(mounted.get(), 0, 0, MS_SLAVE, recursive, destination));
    kind = MS_SHARED;
  }
  return set_tree_attributes(mounted.get(), 0, 0, kind, recursive, destination);
}

bool contains(Text text, Text part) {
  for (u32 i = 0; i + part.size <= text.size; i++) {
    if (Text(text.data + i, part.size).equals(part)) return true;
  }
  return false;
}

// A tmpfs without a mode takes that of the directory it covers, so that /tmp stays 1777 and /run 0755.
Status tmpfs_data(const Fd& target, Text data, PathBuffer& out) {
  kernel::Stat status{};
  TRY(CALL(newfstatat, target.get(), "", &status, AT_EMPTY_PATH));
  const u32 mode = status.mode & 07777;
  const char octal[6] = {static_cast<char>('0' + (mode >> 9)), static_cast<char>('0' + ((mode >> 6) & 7)),
                         static_cast<char>('0' + ((mode >> 3) & 7)), static_cast<char>('0' + (mode & 7)), 0, 0};
  out.add(data).add(data.empty() ? "mode=" : ",mode=").add(octal);
  return out.overflow ? failure(ENAMETOOLONG, "mount", data) : Status{};
}

}  // namespace

// The lexical check of the config cannot see where the links of the image lead (CVE-2019-16884).
Status refuse_proc(const Fd& target, Text operand) {
  kernel::StatFs filesystem{};
  TRY(CALL(fstatfs, target.get(), &filesystem), operand);
  return filesystem.type == PROC_SUPER_MAGIC ? failure(EPERM, "fstatfs", operand) : Status{};
}

Status attach_tree(const Fd& tree, const Fd& target, Text operand) {
  return status_of(
      CALL(move_mount, tree.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), operand);
}

Status mount_filesystem(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text(), source = arguments.text(), type = arguments.text();
  u64 flags = arguments.number64();
  Text data = arguments.text();
  u32 propagation = arguments.number(), ordinary = arguments.number(), allow_proc = arguments.number();
  if (!arguments.done()) return malformed();
  Fd target;
  // /proc or /sys behind a link would let later writes to them go astray (CVE-2019-16884, CVE-2023-27561).
  TRY(make_directories(context.root, destination, 0755, target, ordinary != 0));
  if (allow_proc == 0) TRY(refuse_proc(target, destination));
  PathBuffer with_mode;
  const char* options = data.data;
  if (type.equals("tmpfs") && !contains(data, "mode=")) {
    TRY(tmpfs_data(target, data, with_mode), destination);
    options = with_mode.data;
  }
  TRY(mount_here(target, source.data, type.data, flags, options, destination));
  return propagate(context, destination, propagation);
}

Status bind_mount(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text(), source = arguments.text();
  u32 recursive = arguments.number();
  u64 set = arguments.number64(), clear = arguments.number64();
  u64 tree_set = arguments.number64(), tree_clear = arguments.number64();
  u32 propagation = arguments.number(), allow_proc = arguments.number();
  if (!arguments.done()) return malformed();
  Fd tree, target;
  const u32 whole = recursive != 0 ? AT_RECURSIVE : 0;
  TRY(tree.take(CALL(open_tree, AT_FDCWD, source.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | whole), source));
  kernel::Stat status{};
  TRY(CALL(newfstatat, tree.get(), "", &status, AT_EMPTY_PATH), source);
  TRY(set_tree_attributes(tree.get(), tree_set, tree_clear, 0, AT_RECURSIVE, destination));
  TRY(set_tree_attributes(tree.get(), set, clear, 0, 0, destination));
  TRY(make_mount_point(context.root, destination, (status.mode & 0170000) == 0040000, target));
  if (allow_proc == 0) TRY(refuse_proc(target, destination));
  TRY(attach_tree(tree, target, destination));
  return propagate(context, destination, propagation);
}

Status remount(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text();
  u64 flags = arguments.number64();
  Text data = arguments.text();
  if (!arguments.done()) return malformed();
  Fd target;
  TRY(open_in_root(context.root, destination, O_PATH | O_DIRECTORY, target));
  return mount_here(target, nullptr, nullptr, flags | MS_REMOUNT, data.data, destination);
}
