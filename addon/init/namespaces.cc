// Joining and leaving namespaces and cgroups. In process: init, before anything of the root file system is touched.

#include "init/context.h"

Status join_cgroup(Context& context, plan::Reader& arguments) {
  u32 slot = arguments.number();
  Text path = arguments.text();
  if (!arguments.done()) return malformed();
  TRY(CALL(write, context.slot(slot), "0", 1), path);
  context.close_slot(slot);  // nothing of the host's is held longer than it is needed
  return {};
}

Status enter_namespace(Context& context, plan::Reader& arguments) {
  u32 slot = arguments.number(), flags = arguments.number();
  Text path = arguments.text();
  if (!arguments.done()) return malformed();
  TRY(CALL(setns, context.slot(slot), flags), path);
  context.close_slot(slot);
  return {};
}

Status unshare_namespaces(Context&, plan::Reader& arguments) {
  u32 flags = arguments.number();
  return arguments.done() ? status_of(CALL(unshare, flags)) : malformed();
}

// A pid namespace that was joined or unshared holds only children. CLONE_PARENT makes the child a sibling, so that the
// host waits for it as for any init; the host learns its pid and pidfd, and this process ends.
Status fork_into_namespace(Context& context, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  int ends[2];
  TRY(CALL(pipe2, ends, O_CLOEXEC));
  Fd from(ends[0]), to(ends[1]);
  int pidfd = -1;
  clone_args how{};
  how.flags = CLONE_PARENT | CLONE_PIDFD;
  how.pidfd = reinterpret_cast<u64>(&pidfd);
  sys::Call child = CALL(clone3, &how, sizeof how);
  TRY(child);
  if (child.value == 0) {
    to.reset();
    i32 pid = 0;
    sys::Call got = CALL(read, from.get(), &pid, sizeof pid);
    if (got.value != sizeof pid) CALL(exit_group, 1);
    context.pid = pid;
    return {};
  }
  i32 pid = static_cast<i32>(child.value);
  struct {
    plan::Frame header;
    i32 pid;
  } frame{{plan::FrameType::forked, 4}, pid};
  Status told = send_frame(context.control, &frame, sizeof frame, pidfd);
  if (told.ok()) CALL(write, to.get(), &pid, sizeof pid);
  CALL(exit_group, told.ok() ? 0 : 1);
  __builtin_unreachable();
}

Status new_session(Context&, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  return status_of(CALL(setsid));
}

Status session_keyring(Context&, plan::Reader& arguments) {
  Text name = arguments.text();
  if (!arguments.done()) return malformed();
  constexpr int kJoinSession = 1, kSetPermissions = 5, kDescribe = 6, kSession = -3;
  sys::Call ring = CALL(keyctl, kJoinSession, name.data);
  if (ring.error() == ENOSYS) return {};  // a kernel without keyrings has nothing to isolate
  TRY(ring, name);
  // The container's root may find its own keyring: UID search, as for the possessor.
  char description[512];
  sys::Call size = CALL(keyctl, kDescribe, kSession, description, sizeof description);
  if (size.failed() || size.value > static_cast<long>(sizeof description)) return {};
  u32 field = 0, permissions = 0;
  for (const char* at = description; *at != 0 && field < 4; at++) {
    if (*at == ';') field++;
    else if (field == 3) permissions = permissions * 16 + static_cast<u32>(*at <= '9' ? *at - '0' : *at - 'a' + 10);
  }
  CALL(keyctl, kSetPermissions, kSession, permissions | 0x80000u);
  return {};
}

Status set_hostname(Context&, plan::Reader& arguments) {
  Text name = arguments.text();
  return arguments.done() ? status_of(CALL(sethostname, name.data, name.size), name) : malformed();
}

Status set_domainname(Context&, plan::Reader& arguments) {
  Text name = arguments.text();
  return arguments.done() ? status_of(CALL(setdomainname, name.data, name.size), name) : malformed();
}

Status loopback_up(Context&, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  constexpr int kUnix = 1, kDatagram = 2 | 02000000 /* SOCK_CLOEXEC */, kGetFlags = 0x8913, kSetFlags = 0x8914;
  Fd socket;
  TRY(socket.take(CALL(socket, kUnix, kDatagram, 0), "lo"));
  struct {
    char name[16];
    short flags;
    char rest[22];
  } request{{'l', 'o'}, 0, {}};
  TRY(CALL(ioctl, socket.get(), kGetFlags, &request), "lo");
  request.flags = static_cast<short>(request.flags | IFF_UP);
  return status_of(CALL(ioctl, socket.get(), kSetFlags, &request), "lo");
}
