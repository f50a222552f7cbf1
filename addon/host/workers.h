// A few threads of our own for what blocks: libuv's pool stays free for the program's files and names.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace host {

class Workers {
 public:
  ~Workers();
  // Any thread. Tasks start in order; threads are made when all are busy, up to the limit.
  void run(std::function<void()> task);

 private:
  void work();

  std::mutex guard_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace host
