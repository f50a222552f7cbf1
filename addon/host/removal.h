// Removal of what a container that has ended leaves: its cgroups and its state.
#pragma once

#include <string>
#include <vector>

#include "sys/fd.h"

namespace host {

struct Removal {
  std::vector<std::string> cgroups;
  std::string directory;
  std::string process;  // what the state has to say of the process when the lock is still to be taken
};

// 0 or the errno of what stays; nothing of the directory is touched before the cgroups are gone. LOCK is held by the caller;
// -1: it is taken here, into TAKEN, if nobody has it (EAGAIN), and nothing is removed when the container is another one by
// now (ESTALE) or has more on disk than its state (ENOTEMPTY).
int remove_container(const Removal& removal, int lock, Fd& taken);

}  // namespace host
