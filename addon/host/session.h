// A program of the host that is talked to through a socket: criu, in its service mode.
#pragma once

#include <string>
#include <vector>

#include "host/program.h"
#include "sys/fd.h"

namespace host {

struct Session {
  // Descriptors have at least this number here, out of the way of those that are given out.
  static constexpr int kFirstNumber = 64;

  Program program;
  std::vector<Fd> descriptors;  // 0, 1 and 2 of the program, and from 4 on; 3 is the socket
  // In a mount namespace of its own, where SOURCE with all that is mounted below it is mounted on TARGET too. Empty: none.
  std::string source, target;
  bool readonly = false;  // what is on TARGET itself, not what is mounted below it
};

struct SessionStart {
  int pid = -1;
  Fd socket;  // SOCK_SEQPACKET
  int error = 0;
  const char* step = "";
};

// Changes the mount namespace of the calling thread, which must end afterwards.
SessionStart start_session(Session& session);

struct Reply {
  int error = 0;
  Fd descriptor;     // that came along
  std::string data;  // empty: the other end is closed
};

// Sends MESSAGE and waits for the next one. Blocks the calling thread.
Reply exchange(int socket, const std::string& message);

}  // namespace host
