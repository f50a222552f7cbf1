// A mount namespace with next to nothing in it, to clone containers from: a new mount namespace is a copy, mount by mount, of
// its maker's, and the host may have thousands.
#pragma once

#include <functional>
#include <mutex>

#include "host/workers.h"
#include "sys/fd.h"

namespace host {

// It has /proc and /dev/null of the host, which init uses, and the directory that it mounts the root file system on; all else
// comes to init as a descriptor (openTree). Threads enter it for good, since nothing else could be done on them afterwards.
class BareMounts {
 public:
  // Any thread. Make it, on one of its threads; TOLD gets how that ended, in whichever thread. Before anything else.
  void make(std::function<void(const Status&)> told);
  // Any thread, after it was made. WORK, in the namespace, with the Status of being there.
  void run(std::function<void(const Status&)> work);

 private:
  Status enter();

  std::mutex guard_;
  Fd namespace_;
  Workers workers_{2};  // a clone keeps one waiting for the exec
};

}  // namespace host
