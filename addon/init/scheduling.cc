// How the kernel treats the process: CPU and I/O scheduling, CPUs, NUMA nodes, execution domain. In process: init; the
// affinity around the joining of the cgroups, the rest while init still has its capabilities. All of it survives execve.

#include "init/context.h"

// sched_setattr(2), struct sched_attr of Linux 5.3.
Status set_scheduler(Context&, plan::Reader& arguments) {
  struct {
    u32 size, policy;
    u64 flags;
    i32 nice;
    u32 priority;
    u64 runtime, deadline, period;
    u32 clamp_min, clamp_max;
  } attributes{};
  static_assert(sizeof attributes == 56);
  attributes.size = sizeof attributes;
  attributes.policy = arguments.number();
  attributes.flags = arguments.number64();
  attributes.nice = static_cast<i32>(arguments.number());
  attributes.priority = arguments.number();
  attributes.runtime = arguments.number64();
  attributes.deadline = arguments.number64();
  attributes.period = arguments.number64();
  return arguments.done() ? status_of(CALL(sched_setattr, 0, &attributes, 0)) : malformed();
}

Status set_io_priority(Context&, plan::Reader& arguments) {
  u32 priority = arguments.number();
  constexpr int kProcess = 1;  // IOPRIO_WHO_PROCESS
  return arguments.done() ? status_of(CALL(ioprio_set, kProcess, 0, priority)) : malformed();
}

Status set_affinity(Context&, plan::Reader& arguments) {
  plan::Reader cpus = arguments.bytes();
  return arguments.done() ? status_of(CALL(sched_setaffinity, 0, cpus.size(), cpus.data())) : malformed();
}

Status set_personality(Context&, plan::Reader& arguments) {
  u32 persona = arguments.number();
  return arguments.done() ? status_of(CALL(personality, persona)) : malformed();
}

Status set_memory_policy(Context&, plan::Reader& arguments) {
  u32 mode = arguments.number();
  plan::Reader nodes = arguments.bytes();
  if (!arguments.done()) return malformed();
  if (nodes.size() == 0) return status_of(CALL(set_mempolicy, mode, nullptr, 0));
  return status_of(CALL(set_mempolicy, mode, nodes.data(), nodes.size() * 8 + 1));  // the kernel reads one bit less
}
