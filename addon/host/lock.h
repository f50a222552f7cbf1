// The lock of a container: flock(2) on its state directory.
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

// Descriptor of the DIRECTORY that holds the lock, or -errno: -EAGAIN when somebody else has it and we do not WAIT, -ENOENT
// when the directory was removed meanwhile, -ENOTEMPTY when it has to be FRESH and is not.
int take_lock(const std::string& directory, bool wait, bool fresh);

// 0 when a directory has no more entries than that, `.` and `..` aside; ENOTEMPTY, or why it cannot be read.
int holds_at_most(const Fd& directory, u32 entries);

}  // namespace host
