// What this kernel lets the process do, tried out without a trace.
#pragma once

#include <vector>

#include "sys/text.h"

namespace host {

struct Probe {
  const char* name;
  int error;  // 0: there; otherwise the errno that says why not
};

// Blocks for a moment: one process is made and has ended when this returns.
std::vector<Probe> probe_kernel();

}  // namespace host
