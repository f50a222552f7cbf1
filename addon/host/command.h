// Running a program of the host and keeping what it says: hooks, id map helpers, ps.
#pragma once

#include <memory>
#include <string>

#include "host/program.h"
#include "sys/fd.h"

namespace host {

struct Command {
  Program program;
  std::string input;                            // standard input
  std::shared_ptr<Fd> output_file, error_file;  // what it says goes there, and is not kept
  unsigned timeout_ms = 0;                      // 0: none
  std::shared_ptr<Fd> cancel;                   // the same happens when the other end of this pipe is closed
};

struct CommandResult {
  int error = 0;  // errno, when it could not be started
  int code = -1;  // exit code, or -1
  int signal = 0;
  bool timed_out = false;
  std::string output;
  std::string error_output;
};

// Blocks the calling thread until the program has ended. Nothing of the Node process but the listed is inherited.
CommandResult run_command(const Command& command);

}  // namespace host
