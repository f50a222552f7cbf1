// See lock.h.

#include "host/lock.h"

#include <errno.h>

#include "sys/fd.h"
#include "sys/kernel.h"

namespace host {

int take_lock(const std::string& directory, bool wait) {
  Fd held;
  Status opened = held.take(CALL(openat, AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!opened.ok()) return -opened.error;
  sys::Call locked{};
  do {
    locked = CALL(flock, held.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB);
  } while (locked.error() == EINTR);
  if (locked.failed()) return -locked.error();
  kernel::Stat status{};
  CALL(fstat, held.get(), &status);
  return status.nlink == 0 ? -ENOENT : held.release();
}

}  // namespace host
