// Time and user namespaces that init makes itself. In process: init, before anything of the root file system is
// touched.

#include "init/context.h"

namespace {

// In the child, which is still in the user namespace that the new one is below, and has the rights to map its ids.
Status write_map(Context& context, const char* name, Text map) {
  PathBuffer path;
  path.add_number(static_cast<u64>(context.pid)).add("/").add(name);
  Fd file;
  TRY(file.take(CALL(openat, context.proc.get(), path.data, O_WRONLY | O_CLOEXEC, 0)));
  return status_of(CALL(write, file.get(), map.data, map.size));
}

[[noreturn]] void map_ids(Context& context, const Fd& word, Text uids, Text gids) {
  u8 byte = 0;
  Status status;
  if (CALL(read, word.get(), &byte, 1).value != 1) CALL(exit_group, ECONNRESET);
  status = write_map(context, "uid_map", uids);
  if (status.ok()) status = write_map(context, "gid_map", gids);
  CALL(exit_group, status.error);
  __builtin_unreachable();
}

}  // namespace

// The file belongs to the user namespace that init comes from: after a joined one init could not open it.
Status open_time_offsets(Context& context, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  return context.time_offsets.take(
      CALL(openat, context.proc.get(), "self/timens_offsets", O_WRONLY | O_CLOEXEC, 0), "timens_offsets");
}

Status set_time_offsets(Context& context, plan::Reader& arguments) {
  Text offsets = arguments.text();
  if (!arguments.done()) return malformed();
  TRY(CALL(write, context.time_offsets.get(), offsets.data, offsets.size), offsets);
  context.time_offsets.reset();
  return {};
}

// Where namespaces of the host are joined, that has to come first: from inside a new user namespace they could not be.
// So the clone cannot make it, and the host does not know when to write the maps.
Status new_user_namespace(Context& context, plan::Reader& arguments) {
  Text uids = arguments.text(), gids = arguments.text();
  if (!arguments.done()) return malformed();
  int ends[2], pidfd = -1;
  TRY(CALL(pipe2, ends, O_CLOEXEC));
  Fd from(ends[0]), to(ends[1]);
  clone_args how{};
  how.flags = CLONE_PIDFD;
  how.pidfd = reinterpret_cast<u64>(&pidfd);
  how.exit_signal = kernel::kSigChld;
  sys::Call child = CALL(clone3, &how, sizeof how);
  TRY(child);
  if (child.value == 0) {
    to.reset();
    map_ids(context, from, uids, gids);
  }
  Fd mapper(pidfd);
  sys::Call made = CALL(unshare, CLONE_NEWUSER);
  if (!made.failed()) CALL(write, to.get(), "", 1);
  to.reset();
  kernel::SignalInfo info{};
  TRY(CALL(waitid, kernel::kPidfdWait, mapper.get(), &info, kernel::kWaitExited, nullptr));
  TRY(made);
  return info.status == 0 ? Status{} : failure(info.status, "write", "uid_map");
}
