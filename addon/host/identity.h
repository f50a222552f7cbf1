// Which process a pid means: a pid alone may have been given away again.
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

// Start time of a process in clock ticks since boot (proc(5), stat, field 22). 0 or an errno.
int read_start_time(i32 pid, std::string& time);

// A pidfd of the process that had PID and began at START_TIME. 0 or an errno: ESRCH when it is gone.
int open_process(i32 pid, const std::string& start_time, Fd& pidfd);

// O_PATH descriptor of the root directory of that very process. 0 or an errno.
int open_root_of(i32 pid, const std::string& start_time, Fd& root);

}  // namespace host
