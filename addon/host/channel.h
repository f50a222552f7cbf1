// Sending a plan to init. Blocks until it is in the socket, which init empties as it reads.
#pragma once

#include <string>
#include <vector>

#include "sys/fd.h"

namespace host {

// Any thread. PID is init's own, as the host sees it; DESCRIPTORS become its slots.
Status send_plan(int channel, i32 pid, const std::string& plan, const std::vector<Fd>& descriptors);

}  // namespace host
