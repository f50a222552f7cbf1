// See netlink.h. Sources: netlink(7), rtnetlink(7).

#include "host/netlink.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include "host/thread.h"

namespace host {
namespace {

constexpr int kHighestError = 4095;

// What DONE and ERROR begin with: 0, or an errno made negative. DONE may have none.
int error_of(const NetlinkAnswer& answer) {
  int value = 0;
  if (!answer.read(value)) return answer.type == NLMSG_DONE ? 0 : EPROTO;
  return value > 0 || value < -kHighestError ? EPROTO : -value;
}

}  // namespace

NetlinkRequest& NetlinkRequest::attribute(u16 type, const void* data, size_t size) {
  rtattr header{static_cast<u16>(RTA_LENGTH(size)), type};
  add(&header, sizeof header);
  add(data, size);
  return *this;
}

const std::vector<u8>& NetlinkRequest::finish(u32 sequence) {
  nlmsghdr header;
  memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<u32>(bytes_.size());
  header.nlmsg_seq = sequence;
  memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

void NetlinkRequest::add(const void* data, size_t size) {
  const u8* from = static_cast<const u8*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

// Connected to the kernel, so that nobody else's messages come in: a container with CAP_NET_ADMIN could send some to a
// socket in its network namespace, whose number is the pid (as in CVE-2009-1185).
Status Netlink::open() {
  TRY(socket_.take(CALL(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  return status_of(CALL(connect, socket_.get(), &kernel, sizeof kernel));
}

Status Netlink::open_in(int network_namespace) {
  Status status;
  pthread_t thread{};
  const bool started = start_thread([&] {
    status = status_of(CALL(setns, network_namespace, CLONE_NEWNET));
    if (status.ok()) status = open();
  }, &thread);
  if (!started) return failure(EAGAIN, "clone");
  pthread_join(thread, nullptr);
  return status;
}

Status Netlink::ask(NetlinkRequest& request, const char* name, const std::function<void(const NetlinkAnswer&)>& take) {
  const u32 sequence = ++sequence_;
  const std::vector<u8>& bytes = request.finish(sequence);
  sys::Call sent = CALL(sendto, socket_.get(), bytes.data(), bytes.size(), 0, nullptr, 0);
  TRY(sent);
  for (;;) {
    alignas(nlmsghdr) static thread_local u8 buffer[65536];
    sockaddr_nl sender{};
    u32 sender_size = sizeof sender;
    // The kernel answers before sendto returns: where there is nothing it had no room, and nothing will come.
    sys::Call got = CALL(recvfrom, socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT, &sender, &sender_size);
    if (got.error() == EINTR) continue;
    TRY(got);
    if (sender.nl_pid != 0) continue;  // not the kernel, before the socket was connected; CVE-2009-1185
    const auto size = static_cast<u32>(got.value);
    nlmsghdr header;
    for (u32 at = 0; at < size; at += NLMSG_ALIGN(header.nlmsg_len)) {
      if (size - at < sizeof header) return failure(EPROTO, name);
      memcpy(&header, buffer + at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > size - at) return failure(EPROTO, name);
      if (header.nlmsg_seq != sequence) continue;  // of a request that was given up
      const NetlinkAnswer answer{header.nlmsg_type, buffer + at + sizeof header, static_cast<u32>(header.nlmsg_len - sizeof header)};
      if (answer.type == NLMSG_DONE || answer.type == NLMSG_ERROR) return failure(error_of(answer), name);
      take(answer);
    }
  }
}

Status Netlink::tell(NetlinkRequest& request, const char* name) {
  return ask(request, name, [](const NetlinkAnswer&) {});
}

}  // namespace host
