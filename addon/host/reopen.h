// The path that an open descriptor has in /proc: for system calls that take no descriptor, and to open the very same file
// once more, whatever its name leads to by now.
#pragma once

#include "sys/fd.h"

namespace host {

TextBuffer<48> path_of(const Fd& file);
Status reopen(const Fd& file, int flags, Fd& out);

}  // namespace host
