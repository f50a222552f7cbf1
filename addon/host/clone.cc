// See clone.h. Runs on a worker thread of the Node process; between the clone and the exec the child shares its memory
// and its stack (the thread is suspended meanwhile), so there it makes system calls and nothing else, and changes
// neither credentials' owner nor dumpability.

#include "host/clone.h"

#include "plan/format.h"
#include "sys/kernel.h"

namespace host {
namespace {

// An exec in a new user namespace without maps would lose every capability; the ambient set carries them over. Init
// gives them up again (becomeRoot).
void raise_ambient() {
  struct {
    u32 version;
    i32 pid;
  } header{_LINUX_CAPABILITY_VERSION_3, 0};
  struct {
    u32 effective, permitted, inheritable;
  } data[2] = {};
  if (CALL(capget, &header, data).failed()) return;
  for (auto& half : data) half.inheritable = half.permitted;
  if (CALL(capset, &header, data).failed()) return;
  for (u32 capability = 0; capability < 64; capability++) {
    if (CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0).error() == EINVAL) return;
  }
}

struct Launch {
  int image;
  int socket;
  bool ambient;
};

// ThreadSanitizer would note here that a function of the parent's thread begins, which never ends there.
[[noreturn]] __attribute__((no_sanitize("thread"))) void exec_init(const Launch& launch, volatile int& problem) {
  static const char* const argv[] = {"nrunc-init", nullptr};
  static const char* const envp[] = {nullptr};
  if (launch.ambient) raise_ambient();
  sys::Call placed = launch.socket == plan::kControlDescriptor
                         ? CALL(fcntl, launch.socket, F_SETFD, 0)
                         : CALL(dup3, launch.socket, plan::kControlDescriptor, 0);
  if (!placed.failed()) placed = CALL(execveat, launch.image, "", argv, envp, AT_EMPTY_PATH);
  problem = placed.error();
  CALL(exit_group, 127);
  __builtin_unreachable();
}

__attribute__((noinline)) sys::Call vfork_init(clone_args& how, const Launch& launch, volatile int& problem) {
  sys::Call child = CALL(clone3, &how, sizeof how);
  if (child.value == 0) exec_init(launch, problem);
  return child;
}

__attribute__((noinline)) sys::Call vfork_nothing(clone_args& how) {
  sys::Call child = CALL(clone3, &how, sizeof how);
  if (child.value == 0) {
    CALL(exit_group, 0);
    __builtin_unreachable();
  }
  return child;
}

}  // namespace

int try_clone(u64 flags) {
  int raw = -1;
  clone_args how{};
  how.flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  how.pidfd = reinterpret_cast<u64>(&raw);
  how.exit_signal = kernel::kSigChld;
  u64 all = ~0ul, before = 0;
  CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &before, 8);
  sys::Call child = vfork_nothing(how);
  CALL(rt_sigprocmask, 2, &before, nullptr, 8);
  if (child.failed()) return child.error();
  Fd pidfd(raw);
  while (CALL(waitid, kernel::kPidfdWait, raw, nullptr, kernel::kWaitExited, nullptr).error() == EINTR) {
  }
  return 0;
}

Status clone_init(u64 flags, int image, int socket, int cgroup, Child& child) {
  int pidfd = -1;
  volatile int problem = 0;  // written by the child, in a function that the compiler knows not to return
  clone_args how{};
  how.flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  how.pidfd = reinterpret_cast<u64>(&pidfd);
  how.exit_signal = kernel::kSigChld;
  if (cgroup >= 0) {
    how.flags |= CLONE_INTO_CGROUP;
    how.cgroup = static_cast<u64>(cgroup);
  }
  const Launch launch{image, socket, (flags & CLONE_NEWUSER) != 0};

  // A handler of Node's must not run in the child.
  u64 all = ~0ul, before = 0;
  TRY(CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &before, 8));
  sys::Call cloned = vfork_init(how, launch, problem);
  CALL(rt_sigprocmask, 2, &before, nullptr, 8);
  TRY(cloned);
  child.pid = static_cast<i32>(cloned.value);
  child.pidfd.reset(pidfd);
  return problem == 0 ? Status{} : failure(problem, "execveat", "init");
}

}  // namespace host
