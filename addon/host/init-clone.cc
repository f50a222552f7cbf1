// See init-clone.h. Runs on worker threads of the Node process.

#include "host/init-clone.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "host/image.h"
#include "host/reactor.h"
#include "sys/kernel.h"

namespace host {

void InitClone::begin(const std::shared_ptr<InitClone>& init, Workers& workers) {
  if (init->bare_ != nullptr) return make(init);
  workers.run([init] { make(init); });
}

void InitClone::make(const std::shared_ptr<InitClone>& init) {
  if (!init->cgroup_.empty()) init->open_cgroup();
  if (init->bare_ == nullptr) return init->make(Status{});
  init->bare_->run([init](const Status& there) { init->make(there); });
}

void InitClone::open_cgroup() {
  const char* path = cgroup_.c_str();
  status_ = born_in_.take(CALL(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path);
}

void InitClone::make(const Status& there) {
  begun_ = monotonic_time();
  if (status_.ok()) status_ = there;
  if (status_.ok()) status_ = start();
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
  Fd theirs;
  int ends[2] = {-1, -1};
  TRY(CALL(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  control.reset(ends[0]);
  theirs.reset(ends[1]);
  // Above the number that the child gives it, so that the copy onto that number always is one.
  TRY(theirs.take(CALL(fcntl, theirs.get(), F_DUPFD_CLOEXEC, 16)));
  return clone_image(theirs);
}

Status InitClone::clone_image(const Fd& socket) {
  for (bool again = false;; again = true) {
    Image image;
    TRY(open_image(image));
    Status status = clone_init(flags_, image.fd, socket.get(), born_in_.get(), child);
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
