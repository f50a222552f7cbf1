// The lock of a container: flock(2) on its state directory.
#pragma once

#include <string>

namespace host {

// Descriptor of the DIRECTORY that holds the lock, or -errno: -EAGAIN when somebody else has it and we do not WAIT, -ENOENT
// when the directory was removed meanwhile, -ENOTEMPTY when it has to be FRESH and is not.
int take_lock(const std::string& directory, bool wait, bool fresh);

}  // namespace host
