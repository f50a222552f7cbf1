// The embedded init program as an executable descriptor.
#pragma once

#include "sys/fd.h"

namespace host {

// A read-only descriptor of init, fit for execveat. Shared by all containers of the process when it is a sealed memory
// file; where the host forbids executable ones, an unlinked file of its own for each start. `fd` stays open as long
// as `own` lives (or, shared, for ever).
struct Image {
  int fd = -1;
  Fd own;
};
Status open_image(Image& image);

}  // namespace host
