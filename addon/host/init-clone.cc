// See init-clone.h. Runs on worker threads of the Node process.

#include "host/init-clone.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "host/image.h"
#include "host/reactor.h"
#include "sys/kernel.h"

namespace host {

void InitClone::make() {
  begun_ = monotonic_time();
  status_ = start();
  ended_ = monotonic_time();
  std::function<void()> next;
  {
    std::lock_guard lock(guard_);
    made_ = true;
    next = std::move(next_);
  }
  if (next) next();
}

void InitClone::then(std::function<void()> next) {
  {
    std::lock_guard lock(guard_);
    if (!made_) {
      next_ = std::move(next);
      return;
    }
  }
  next();
}

Status InitClone::start() {
  Fd cgroup, theirs;
  if (!cgroup_.empty()) {
    TRY(cgroup.take(CALL(openat, AT_FDCWD, cgroup_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0), cgroup_.c_str()));
  }
  int ends[2] = {-1, -1};
  TRY(CALL(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  control.reset(ends[0]);
  theirs.reset(ends[1]);
  // Above the number that the child gives it, so that the copy onto that number always is one.
  TRY(theirs.take(CALL(fcntl, theirs.get(), F_DUPFD_CLOEXEC, 16)));
  return clone_image(theirs, cgroup);
}

Status InitClone::clone_image(const Fd& socket, const Fd& cgroup) {
  for (bool again = false;; again = true) {
    Image image;
    TRY(open_image(image));
    Status status = clone_init(flags_, image.fd, socket.get(), cgroup.get(), child);
    if (status.error != ETXTBSY || again) return status;
    forget_image(image);
    end();
    child = {};
  }
}

// It waits for its plan, so nothing of it stays.
void InitClone::end() {
  if (!child.pidfd.valid()) return;
  CALL(pidfd_send_signal, child.pidfd.get(), kernel::kSigKill, nullptr, 0);
  siginfo_t info{};
  while (CALL(waitid, kernel::kPidfdWait, child.pidfd.get(), &info, WEXITED, nullptr).error() == EINTR) {
  }
  child.pidfd.reset();
}

}  // namespace host
