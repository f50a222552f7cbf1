// See networks.h. The namespaces are made on a thread that lives for nothing else, because it cannot be sure to come back
// from them: it ends, and with it the danger that other work runs in a container's network.

#include "host/networks.h"

#include "host/thread.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status bring_up_loopback() {
  constexpr int kUnix = 1, kDatagram = 2, kSetFlags = 0x8914;  // SIOCSIFFLAGS
  Fd socket;
  TRY(socket.take(CALL(socket, kUnix, kDatagram | O_CLOEXEC, 0), "lo"));
  struct {
    char name[16];
    short flags;
    char rest[22];
  } request{{'l', 'o'}, IFF_UP | IFF_LOOPBACK, {}};
  return status_of(CALL(ioctl, socket.get(), kSetFlags, &request), "lo");
}

Status make(Fd& out) {
  TRY(CALL(unshare, CLONE_NEWNET));
  TRY(bring_up_loopback());
  return out.take(CALL(openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0), "network");
}

}  // namespace

Fd Networks::take() {
  std::lock_guard lock(guard_);
  if (ready_.empty()) return Fd();
  Fd first = std::move(ready_.front());
  ready_.pop_front();
  return first;
}

void Networks::keep(size_t count) {
  std::lock_guard lock(guard_);
  wanted_ = count;
  while (ready_.size() > wanted_) ready_.pop_back();
  if (filling_ || ready_.size() >= wanted_) return;
  filling_ = start_thread([self = shared_from_this()] { self->fill(); });
}

// What cannot be made is not missed: the clone makes it then, and says what is wrong.
void Networks::fill() {
  for (;;) {
    Fd made;
    const bool good = make(made).ok();
    std::lock_guard lock(guard_);
    if (good && ready_.size() < wanted_) ready_.push_back(std::move(made));
    if (good && ready_.size() < wanted_) continue;
    filling_ = false;
    return;
  }
}

}  // namespace host
