// See workers.h. The threads live as long as the addon's environment: PR_SET_PDEATHSIG of a child would fire when the
// thread that made it ended.

#include "host/workers.h"

#include "host/thread.h"

namespace host {

void Workers::run(std::function<void()> task) {
  {
    std::lock_guard lock(guard_);
    if (idle_ <= tasks_.size()) add_thread();
    if (!threads_.empty()) {
      tasks_.push_back(std::move(task));
      task = nullptr;
    }
  }
  // Without a single thread the caller has to do it himself, however long it takes.
  if (task != nullptr) return task();
  changed_.notify_one();
}

bool Workers::ready() {
  std::lock_guard lock(guard_);
  if (threads_.empty()) add_thread();
  return !threads_.empty();
}

void Workers::add_thread() {
  pthread_t thread{};
  if (threads_.size() < limit_ && start_thread([this] { work(); }, &thread)) threads_.push_back(thread);
}

void Workers::work() {
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
  for (pthread_t thread : threads_) pthread_join(thread, nullptr);
}

}  // namespace host
