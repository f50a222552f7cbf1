// See probe.h. Runs on the JavaScript thread. Each call is made with arguments that the kernel refuses when it has the
// call, and with ENOSYS or EPERM (a seccomp filter) when it has not.

#include "host/probe.h"

#include <linux/sched.h>
#include <sys/wait.h>

#include <initializer_list>

#include "host/clone.h"
#include "host/image.h"
#include "sys/kernel.h"

namespace host {
namespace {

int unless(sys::Call call, std::initializer_list<int> expected) {
  const int error = call.error();
  for (int one : expected) {
    if (error == one) return 0;
  }
  return error;
}

// Structures that are longer than the kernel knows are E2BIG, so that the field of a younger kernel shows.
int clone_into_cgroup() {
  clone_args how{};
  how.flags = CLONE_INTO_CGROUP;
  how.exit_signal = kernel::kSigChld;
  how.cgroup = 0x7fffffff;
  return unless(CALL(clone3, &how, sizeof how), {EBADF});
}

int memory_file() {
  Image image;
  return open_image(image).error;
}

}  // namespace

std::vector<Probe> probe_kernel() {
  constexpr int kNoFile = -1;
  return {
      {"clone3", unless(CALL(clone3, nullptr, 0), {EINVAL, EFAULT})},
      {"cloneIntoCgroup", clone_into_cgroup()},
      {"userNamespace", try_clone(CLONE_NEWUSER)},
      {"openat2", unless(CALL(openat2, kNoFile, "", nullptr, 0), {EINVAL})},
      {"openTree", unless(CALL(open_tree, kNoFile, "", ~0u), {EINVAL})},
      {"mountSetattr", unless(CALL(mount_setattr, kNoFile, "", 0, nullptr, 0), {EINVAL})},
      {"pidfdOpen", unless(CALL(pidfd_open, -1, 0), {EINVAL})},
      {"closeRange", unless(CALL(close_range, 1, 0, 0), {EINVAL})},
      {"initImage", memory_file()},
  };
}

}  // namespace host
