// A few threads of our own for what blocks: libuv's pool stays free for the program's files and names.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace host {

class Workers {
 public:
  explicit Workers(size_t limit) : limit_(limit) {}
  ~Workers();
  // Any thread. Tasks start in order; threads are made when all are busy, up to the limit. Where the
  // system gives not even one, the task is run by the caller.
  void run(std::function<void()> task);
  // Any thread. Whether there is a thread for a task that must not run on the caller's.
  bool ready();

 private:
  void add_thread();
  void work();

  const size_t limit_;
  std::mutex guard_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<pthread_t> threads_;
  size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace host
