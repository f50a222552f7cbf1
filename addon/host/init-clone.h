// Init from its clone to its plan.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "host/bare-mounts.h"
#include "host/clone.h"
#include "host/workers.h"

namespace host {

// A process that executes init and waits for a plan on its socket. It depends on the flags alone, so it can be made while
// the plan still is. Unless its pidfd was taken away it is ended with this object, and so is its wait: it belongs to a
// worker thread.
class InitClone {
 public:
  // FLAGS: CLONE_NEW*. BARE: the mount namespace that its own becomes a copy of; null: the host's. CGROUP: a cgroup2 directory
  // that it is born in, or empty.
  explicit InitClone(u64 flags, BareMounts* bare, std::string cgroup = {}) : flags_(flags), bare_(bare), cgroup_(std::move(cgroup)) {}
  InitClone(const InitClone&) = delete;
  InitClone& operator=(const InitClone&) = delete;
  ~InitClone() { end(); }

  // On a thread of WORKERS, unless it has to be another one.
  static void begin(const std::shared_ptr<InitClone>& init, Workers& workers);
  // On the calling thread, a worker's, unless it has to be another one.
  static void make(const std::shared_ptr<InitClone>& init);
  // NEXT is called when it was made, or could not be: at once, or by the thread that makes it.
  void then(std::function<void()> next);

  [[nodiscard]] bool is_for(u64 flags, const BareMounts* bare) const { return flags_ == flags && bare_ == bare; }

  // What follows is for NEXT.
  void end();
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] u64 begun() const { return begun_; }
  [[nodiscard]] u64 ended() const { return ended_; }
  Child child;
  Fd control;

 private:
  void open_cgroup();
  void make(const Status& there);
  Status start();
  Status clone_image(const Fd& socket);

  const u64 flags_;
  BareMounts* const bare_;
  const std::string cgroup_;
  Fd born_in_;
  Status status_;
  u64 begun_ = 0, ended_ = 0;  // nanoseconds, CLOCK_MONOTONIC

  std::mutex guard_;
  bool made_ = false;
  std::function<void()> next_;
};

}  // namespace host
