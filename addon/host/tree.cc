// See tree.h. Runs on a worker thread of the Node process, in the host's user namespace: only whoever has rights
// over the file system may map its ids, which init in a user namespace of its own has not.

#include "host/tree.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "host/clone.h"
#include "host/idmap.h"
#include "host/image.h"
#include "sys/kernel.h"

namespace host {
namespace {

// Init in a new user namespace waits for a plan: it is ended as soon as the namespace has its maps and is open.
Status make_user_namespace(Text uids, Text gids, Fd& out) {
  Image image;
  TRY(open_image(image));
  int ends[2];
  TRY(CALL(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  Fd ours(ends[0]), theirs(ends[1]);
  // Above the number that the child gives it, so that the copy onto that number always is one.
  TRY(theirs.take(CALL(fcntl, theirs.get(), F_DUPFD_CLOEXEC, 16)));
  Child child;
  Status status = clone_init(CLONE_NEWUSER, image.fd, theirs.get(), -1, child);
  if (!child.pidfd.valid()) return status;
  if (status.ok()) status = write_id_maps(child.pid, uids, gids);
  if (status.ok()) {
    TextBuffer<64> path;
    path.add("/proc/").add_number(static_cast<u64>(child.pid)).add("/ns/user");
    status = out.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_CLOEXEC, 0));
  }
  CALL(pidfd_send_signal, child.pidfd.get(), kernel::kSigKill, nullptr, 0);
  siginfo_t info{};
  while (CALL(waitid, kernel::kPidfdWait, child.pidfd.get(), &info, WEXITED, nullptr).error() == EINTR) {
  }
  return status;
}

Status open_user_namespace(Text path, Text uids, Text gids, MappedUsers& users) {
  const std::string maps = path.empty() ? std::string(uids.data) + "/" + gids.data : path.data;
  if (users.descriptor.valid() && users.maps == maps) return {};
  users.maps.clear();
  if (path.empty()) TRY(make_user_namespace(uids, gids, users.descriptor));
  else TRY(users.descriptor.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_CLOEXEC, 0), path));
  users.maps = maps;
  return {};
}

Status change(const Fd& tree, mount_attr attributes, u32 flags, Text operand) {
  return status_of(CALL(mount_setattr, tree.get(), "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes), operand);
}

Status clone_tree(Text source, u32 recursive, Fd& tree) {
  const u32 all = recursive != 0 ? AT_RECURSIVE : 0;
  return tree.take(CALL(open_tree, AT_FDCWD, source.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | all), source);
}

Status propagate(const Fd& tree, u32 propagation, u32 flags, Text source) {
  if (propagation == 0) return {};
  mount_attr away{};
  away.propagation = propagation;
  return change(tree, away, flags, source);
}

}  // namespace

Status open_tree(plan::Reader& arguments, u64& root, Fd& tree) {
  Text source = arguments.text();
  const u32 recursive = arguments.number(), propagation = arguments.number(), is_root = arguments.number();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  struct statx status {};
  TRY(clone_tree(source, recursive, tree));
  TRY(CALL(statx, AT_FDCWD, source.data, 0, STATX_MNT_ID, &status), source);
  TRY(propagate(tree, propagation, AT_RECURSIVE, source));
  if (is_root != 0) root = status.stx_mnt_id;
  return status.stx_mnt_id == root ? propagate(tree, MS_PRIVATE, 0, source) : Status{};
}

Status open_mapped_tree(plan::Reader& arguments, MappedUsers& users, Fd& tree) {
  Text source = arguments.text();
  const u32 recursive = arguments.number(), propagation = arguments.number(), whole = arguments.number();
  Text path = arguments.text(), uids = arguments.text(), gids = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  TRY(clone_tree(source, recursive, tree));
  Status status = open_user_namespace(path, uids, gids, users);
  if (!status.ok()) return failure(status.error, status.call, source);
  mount_attr map{};
  map.attr_set = MOUNT_ATTR_IDMAP;
  map.userns_fd = static_cast<u64>(users.descriptor.get());
  TRY(change(tree, map, whole != 0 ? AT_RECURSIVE : 0, source));
  return propagate(tree, propagation, AT_RECURSIVE, source);
}

}  // namespace host
