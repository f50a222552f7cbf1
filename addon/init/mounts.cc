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

// The words of the config, one after the other: a slave can be shared as well.
Status propagate(int mounted, plan::Reader words, u32 count, Text operand) {
  for (u32 i = 0; i < count; i++) {
    const u32 word = words.number();
    const u32 recursive = (word & MS_REC) != 0 ? AT_RECURSIVE : 0;
    TRY(set_tree_attributes(mounted, 0, 0, word & ~static_cast<u32>(MS_REC), recursive, operand));
  }
  return {};
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

// Not by its name again, which may lead elsewhere by now: the parent of a root is what is mounted on it.
Status open_mounted(Context& context) {
  if (context.mounted.valid()) return {};
  return open_in_root(context.covered, "..", O_PATH | O_DIRECTORY, context.mounted);
}

}  // namespace

// PATH in a mount that is kept, or without a slot in the root file system; an empty one is that mount itself, which may be a
// file.
Status open_in_mount(Context& context, u32 slot, Text path, u64 flags, Fd& out) {
  if (slot == plan::kNoSlot) return open_in_root(context.root, path, flags, out);
  Fd mount(context.slot(slot));
  const Status opened = path.empty() ? out.take(CALL(fcntl, mount.get(), F_DUPFD_CLOEXEC, 0), path) : open_in_root(mount, path, flags, out);
  static_cast<void>(mount.release());
  return opened;
}

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
  const u32 words = arguments.number();
  const plan::Reader propagation = arguments;
  for (u32 i = 0; i < words && arguments.ok(); i++) arguments.number();
  u32 ordinary = arguments.number(), allow_proc = arguments.number(), copy_up = arguments.number();
  if (!arguments.done()) return malformed();
  Fd target, covered;
  context.mounted.reset();
  // /proc or /sys behind a link would let later writes to them go astray (CVE-2019-16884, CVE-2023-27561).
  TRY(make_directories(context.root, destination, 0755, target, ordinary != 0));
  if (allow_proc == 0) TRY(refuse_proc(target, destination));
  PathBuffer with_mode;
  const char* options = data.data;
  if (type.equals("tmpfs") && !contains(data, "mode=")) {
    TRY(tmpfs_data(target, data, with_mode), destination);
    options = with_mode.data;
  }
  if (copy_up != 0) {
    TRY(covered.take(CALL(openat, target.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), destination));
  }
  TRY(mount_here(target, source.data, type.data, flags, options, destination));
  context.covered = static_cast<Fd&&>(target);
  if (words == 0 && copy_up == 0) return {};
  TRY(open_mounted(context));
  if (copy_up != 0) TRY(copy_tree(covered, context.mounted, destination));
  return propagate(context.mounted.get(), propagation, words, destination);
}

Status bind_mount(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text(), source = arguments.text();
  u32 given = arguments.number(), recursive = arguments.number();
  u64 set = arguments.number64(), clear = arguments.number64();
  u64 tree_set = arguments.number64(), tree_clear = arguments.number64();
  const u32 words = arguments.number();
  const plan::Reader propagation = arguments;
  for (u32 i = 0; i < words && arguments.ok(); i++) arguments.number();
  u32 allow_proc = arguments.number();
  if (!arguments.done()) return malformed();
  Fd tree, target;
  const u32 whole = recursive != 0 ? AT_RECURSIVE : 0;
  if (given != plan::kNoSlot) context.take_slot(given, tree);
  else TRY(tree.take(CALL(open_tree, AT_FDCWD, source.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | whole), source));
  kernel::Stat status{};
  TRY(CALL(newfstatat, tree.get(), "", &status, AT_EMPTY_PATH), source);
  TRY(set_tree_attributes(tree.get(), tree_set, tree_clear, 0, AT_RECURSIVE, destination));
  TRY(set_tree_attributes(tree.get(), set, clear, 0, 0, destination));
  TRY(make_mount_point(context.root, destination, (status.mode & 0170000) == 0040000, target));
  if (allow_proc == 0) TRY(refuse_proc(target, destination));
  TRY(attach_tree(tree, target, destination));
  context.mounted = static_cast<Fd&&>(tree);
  return propagate(context.mounted.get(), propagation, words, destination);
}

Status keep_mount(Context& context, plan::Reader& arguments) {
  const u32 slot = arguments.number();
  if (!arguments.done()) return malformed();
  TRY(open_mounted(context));
  return context.fill_slot(slot, context.mounted) ? Status{} : failure(EMFILE, "openat2");
}

Status remount(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text();
  u64 flags = arguments.number64();
  Text data = arguments.text();
  const u32 slot = arguments.number();
  Text inside = arguments.text();
  if (!arguments.done()) return malformed();
  Fd target;
  Status found = open_in_mount(context, slot, inside, O_PATH | O_DIRECTORY, target);
  if (!found.ok()) return failure(found.error, found.call, destination);
  return mount_here(target, nullptr, nullptr, flags | MS_REMOUNT, data.data, destination);
}

// remount,bind replaces all flags. In a user namespace some are locked: those that nobody asked to be off then stay.
Status remount_bind(Context& context, plan::Reader& arguments) {
  Text destination = arguments.text();
  const u32 slot = arguments.number();
  Text inside = arguments.text();
  u64 set = arguments.number64(), clear = arguments.number64(), must_clear = arguments.number64();
  u64 tree_set = arguments.number64(), tree_clear = arguments.number64();
  const u32 words = arguments.number();
  const plan::Reader propagation = arguments;
  for (u32 i = 0; i < words && arguments.ok(); i++) arguments.number();
  if (!arguments.done()) return malformed();
  Fd target;
  Status found = open_in_mount(context, slot, inside, O_PATH, target);
  if (!found.ok()) return failure(found.error, found.call, destination);
  Status changed = set_tree_attributes(target.get(), set, clear, 0, 0, destination);
  if (changed.error == EPERM) changed = set_tree_attributes(target.get(), set, must_clear, 0, 0, destination);
  TRY(changed);
  TRY(set_tree_attributes(target.get(), tree_set, tree_clear, 0, AT_RECURSIVE, destination));
  return propagate(target.get(), propagation, words, destination);
}
