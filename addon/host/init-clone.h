// Init from its clone to its plan.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "host/clone.h"

namespace host {

// A process that executes init and waits for a plan on its socket. It depends on the flags alone, so it can be made while
// the plan still is. Unless its pidfd was taken away it is ended with this object, and so is its wait: it belongs to a
// worker thread.
class InitClone {
 public:
  // FLAGS: CLONE_NEW*. CGROUP: a cgroup2 directory that it is born in, or empty.
  explicit InitClone(u64 flags, std::string cgroup = {}) : flags_(flags), cgroup_(std::move(cgroup)) {}
  InitClone(const InitClone&) = delete;
  InitClone& operator=(const InitClone&) = delete;
  ~InitClone() { end(); }

  // Once, on a worker thread.
  void make();
  // NEXT is called when it was made, or could not be: at once, or by the thread that makes it.
  void then(std::function<void()> next);

  [[nodiscard]] u64 flags() const { return flags_; }

  // What follows is for NEXT.
  void end();
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] u64 begun() const { return begun_; }
  [[nodiscard]] u64 ended() const { return ended_; }
  Child child;
  Fd control;

 private:
  Status start();
  Status clone_image(const Fd& socket, const Fd& cgroup);

  const u64 flags_;
  const std::string cgroup_;
  Status status_;
  u64 begun_ = 0, ended_ = 0;  // nanoseconds, CLOCK_MONOTONIC

  std::mutex guard_;
  bool made_ = false;
  std::function<void()> next_;
};

}  // namespace host
