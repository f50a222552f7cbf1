// What the threads of the addon tell the JavaScript thread.
#pragma once

#include <functional>
#include <string>

#include "sys/text.h"

namespace host {

enum class EventType : u32 {
  spawned = 1,  // a: pid; data: start time of the process, decimal; then for a clone its stamps, see Spawn::Times
  ready = 2,    // the runtime hooks may run
  created = 3,  // data: stamps of init, see plan::FrameType::created
  failed = 4,   // data: the failure, as in plan::FrameType::failed
  console = 5,  // a: descriptor of the master, owned by the receiver
  closed = 6,   // the channel ended: the program was executed, or the process is gone; a, b: when, low and high half
  exited = 7,   // a: exit code or -1, b: signal or 0; both -1 and 0: not known any more; data: of Reactor::watch's file
  started = 8,
  done = 9,     // a job is finished; a, b and data depend on it
  listener = 11,  // a: descriptor on which the kernel tells of trapped system calls, owned by the receiver
  trapped = 12,  // a system call waits for its answer; data: struct seccomp_notif
  notified = 10,  // something happened to what is watched; a: 1 when it is gone, and nothing more will come
};

struct Event {
  u32 id;
  EventType type;
  i32 a = 0;
  i32 b = 0;
  std::string data = {};
  std::string data2 = {};
  bool owned = false;  // a is a descriptor, and the receiver's
  bool quiet = false;  // nobody waits for it: it is told together with the next one that is not
};

using Post = std::function<void(Event)>;

}  // namespace host
