// Moving a network interface of the host into the network namespace of a container, and back when that fails.
#pragma once

#include <functional>
#include <vector>

#include "plan/reader.h"
#include "sys/status.h"

namespace host {

// The interfaces of one plan.
class NetDevices {
 public:
  // PID is the container's first process, whose namespace is meant where the plan names none.
  Status move(plan::Reader& arguments, i32 pid);
  // Put back those that were moved, the last one first.
  void restore();

 private:
  std::vector<std::function<void()>> undo_;
};

}  // namespace host
