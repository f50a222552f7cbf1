// See workers.h. The threads live as long as the addon's environment: PR_SET_PDEATHSIG of a child would fire when the
// thread that made it ended.

#include "host/workers.h"

#include <signal.h>

namespace host {
namespace {
constexpr size_t kThreads = 4;
}

void Workers::run(std::function<void()> task) {
  std::lock_guard lock(guard_);
  tasks_.push_back(std::move(task));
  if (idle_ < tasks_.size() && threads_.size() < kThreads) threads_.emplace_back([this] { work(); });
  changed_.notify_one();
}

void Workers::work() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // Node's signals are for Node's threads
  std::unique_lock lock(guard_);
  for (;;) {
    idle_++;
    changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    idle_--;
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

// What was started is finished: a half made container would have no owner.
Workers::~Workers() {
  {
    std::lock_guard lock(guard_);
    ending_ = true;
    changed_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
}

}  // namespace host
