// See trapped.h. Source: seccomp_unotify(2), linux/seccomp.h.

#include "host/trapped.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <vector>

#include "sys/kernel.h"

namespace host {
namespace {

constexpr u64 kPage = 4096;

// Whether CALL still waits for its answer, so that what was found out by its pid was about its thread.
int still_waits(int listener, u64 call) {
  return CALL(ioctl, listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call).error();
}

}  // namespace

std::string receive_call(int listener) {
  seccomp_notif call{};  // the kernel refuses one that is not empty
  if (CALL(ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &call).failed()) return {};
  return std::string(reinterpret_cast<const char*>(&call), sizeof call);
}

int answer_call(int listener, u64 call, i64 value, int error, u32 flags) {
  seccomp_notif_resp response{call, value, -error, flags};
  sys::Call sent{};
  do {
    sent = CALL(ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  } while (sent.error() == EINTR);
  return sent.error();
}

long add_descriptor(int listener, const AddedDescriptor& added) {
  seccomp_notif_addfd request{};
  request.id = added.call;
  request.flags = (added.number >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0) | (added.answer ? SECCOMP_ADDFD_FLAG_SEND : 0);
  request.srcfd = static_cast<u32>(added.descriptor);
  request.newfd = static_cast<u32>(std::max(added.number, 0));
  request.newfd_flags = added.close_on_exec ? O_CLOEXEC : 0;
  return CALL(ioctl, listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request).value;
}

// A pid may be given away again between the arrival of the call and the reading: what was read counts only when the call
// still waits afterwards (seccomp_unotify(2), "the target may terminate").
int read_memory(int listener, u64 call, i32 pid, u64 address, u32 length, std::string& memory) {
  // An address is the container's choice: in the last page, which is nobody's, the sums below would wrap around.
  constexpr u64 kLast = ~static_cast<u64>(0) - kPage;
  const bool nowhere = address > kLast - length;
  memory.resize(nowhere ? 0 : length);
  kernel::Vector here{memory.data(), memory.size()};
  std::vector<kernel::Vector> there;  // by page: what is there before a hole is read
  for (u64 at = address, end = address + memory.size(); at < end;) {
    const u64 next = std::min(end, (at & ~(kPage - 1)) + kPage);
    there.push_back({reinterpret_cast<void*>(at), next - at});
    at = next;
  }
  sys::Call got = CALL(process_vm_readv, pid, &here, 1, there.data(), there.size(), 0);
  memory.resize(got.failed() ? 0 : static_cast<size_t>(got.value));
  if (int over = still_waits(listener, call); over != 0) return over;
  return nowhere ? EFAULT : got.error();
}

}  // namespace host
