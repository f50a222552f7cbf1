// The embedded init program as an executable descriptor.
#pragma once

#include <memory>

#include "sys/fd.h"

namespace host {

class Sealed;

// A read-only descriptor of init, fit for execveat, open as long as this lives. Shared by all containers of the process
// when it is a sealed memory file; where the host forbids executable ones, an unlinked file of its own for each start.
struct Image {
  int fd = -1;
  Fd own;
  std::shared_ptr<Sealed> sealed;
};
Status open_image(Image& image);

// The next containers get another file; those that are starting keep this one. For a file that cannot be executed: who
// got hold of init through /proc can open it for writing, which changes nothing of it, but makes execveat fail (ETXTBSY).
void forget_image(const Image& image);

}  // namespace host
