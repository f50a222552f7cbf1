// Network namespaces made ahead of the containers that will get them: they are most of the cost of a clone.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "sys/fd.h"

namespace host {

// New, empty namespaces of the host's user namespace, their loopback interface up, as a clone and `loopbackUp` give them.
class Networks : public std::enable_shared_from_this<Networks> {
 public:
  // JavaScript thread. An open namespace, which then is the caller's; invalid when there is none.
  Fd take();
  // JavaScript thread. Have COUNT of them, in a while; those beyond are closed.
  void keep(size_t count);

 private:
  void fill();

  std::mutex guard_;
  std::deque<Fd> ready_;
  size_t wanted_ = 0;
  bool filling_ = false;
};

}  // namespace host
