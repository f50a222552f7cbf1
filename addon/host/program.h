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
  std::string keyring;    // name of its session keyring, empty for a new one
};

// posix_spawn(3). FILES: what the program has as its descriptors 0, 1, 2 and so on; -1: what the caller has there. Nothing
// else is inherited, and its signals are reset: Node ignores some, and ignored signals would survive the exec. The keys in
// the caller's session keyring are not for it either: the calling thread gives it up, and must end afterwards. An errno.
int start_program(const Program& program, const std::vector<int>& files, pid_t& pid);

}  // namespace host
