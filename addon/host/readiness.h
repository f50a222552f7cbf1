// The way of a container's READY=1 to the service manager: sd_notify(3), as a proxy between two datagram sockets.
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

struct Relay {
  Fd socket;             // what the container's program sends to
  Fd process;            // pidfd of init; invalid once it has ended, when nothing more will come
  std::string manager;   // address of the service manager's socket; an abstract one begins with '@'
  std::string main_pid;  // what to call the service's main process, or empty
};

struct RelayResult {
  bool ready = false;  // the program has said READY=1, and the manager knows
  int error = 0;       // errno of a manager that cannot be told
};

// Bind a datagram socket, for all users, to NAME in DIRECTORY. Gives a descriptor or -errno.
int bind_notify(const std::string& directory, const std::string& name);

// Blocks the calling thread until READY=1 came and the manager has taken it in (30 s at most), or the process has ended.
RelayResult relay_ready(const Relay& relay);

}  // namespace host
