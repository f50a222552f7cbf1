// A program of the host, started without copying the Node process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace host {

struct Program {
  std::string path;  // searched in PATH when it has no slash
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string directory;  // working directory, empty for the caller's
};

// posix_spawn(3). FILES: what the program has as its descriptors 0, 1, 2 and so on; -1: what the caller has there. Nothing
// else is inherited, and its signals are reset: Node ignores some, and ignored signals would survive the exec. An errno.
int start_program(const Program& program, const std::vector<int>& files, pid_t& pid);

}  // namespace host
