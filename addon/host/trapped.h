// System calls that a filter has trapped (SCMP_ACT_NOTIFY), and the answers to them: seccomp_unotify(2). Runs in the Node
// process. LISTENER is the descriptor that the kernel gave with the filter. A call that was interrupted meanwhile, or
// whose thread is gone, is ENOENT to all that follows.
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

// The epoll thread, when LISTENER is readable: it does not block then. `struct seccomp_notif` as it came; empty when the
// call is over already.
std::string receive_call(int listener);

// The JavaScript thread. FLAGS is SECCOMP_USER_NOTIF_FLAG_* . 0 or an errno.
int answer_call(int listener, u64 call, i64 value, int error, u32 flags);

struct AddedDescriptor {
  u64 call = 0;
  int descriptor = -1;
  int number = -1;  // in the container's process; -1: the lowest one that is free
  bool close_on_exec = false;
  bool answer = false;  // the number is the value of the call, which is answered by it
};

// A thread of its own: a process that is stopped or frozen lets it wait. The number, or -errno.
long add_descriptor(int listener, const AddedDescriptor& added);

// A thread of its own: memory that the container serves itself (userfaultfd, FUSE) lets it wait. 0 or an errno; what can
// be read comes into MEMORY, which may be shorter than LENGTH.
int read_memory(int listener, u64 call, i32 pid, u64 address, u32 length, std::string& memory);

}  // namespace host
