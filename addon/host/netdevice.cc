// See netdevice.h. Runs on a worker thread of the Node process, between the clone and the start of init, in the network
// namespace of Node; the other namespace is entered on a thread of its own that does nothing else. Sources: rtnetlink(7),
// runtime-spec config-linux.md "Network Devices".

#include "host/netdevice.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "host/thread.h"
#include "sys/fd.h"

namespace host {
namespace {

constexpr unsigned short kNewIndex = 49;  // IFLA_NEW_IFINDEX of Linux 5.13
constexpr int kIndexesTried = 4096;

using Bytes = std::vector<u8>;

// A request being put together: header, a struct of its family, attributes.
class Request {
 public:
  template <class Body>
  Request(u16 type, u16 flags, const Body& body) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<u16>(NLM_F_REQUEST | flags);
    add(&header, sizeof header);
    add(&body, sizeof body);
  }
  Request& attribute(u16 type, const void* data, size_t size) {
    rtattr header{static_cast<u16>(RTA_LENGTH(size)), type};
    add(&header, sizeof header);
    add(data, size);
    return *this;
  }
  Request& attribute(u16 type, i32 value) { return attribute(type, &value, sizeof value); }
  const Bytes& finish() {
    const u32 size = static_cast<u32>(bytes_.size());
    memcpy(bytes_.data(), &size, sizeof size);
    return bytes_;
  }

 private:
  void add(const void* data, size_t size) {
    const u8* from = static_cast<const u8*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  Bytes bytes_;
};

struct Link {
  int index = 0;
  bool up = false;
  std::string name;
};

struct Address {
  ifaddrmsg head;
  std::vector<std::pair<u16, Bytes>> attributes;
};

// A socket of rtnetlink; which namespace it works in was decided when it was made.
class Route {
 public:
  Status open() {
    TRY(socket_.take(CALL(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    return status_of(CALL(bind, socket_.get(), &address, sizeof address));
  }

  Status open_in(int network_namespace) {
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

  // Send, and give each answer to TAKE, until the kernel says that this was all, or which error it has.
  template <class Take>
  Status ask(Request& request, const char* name, Take take) {
    const Bytes& bytes = request.finish();
    sys::Call sent = CALL(sendto, socket_.get(), bytes.data(), bytes.size(), 0, nullptr, 0);
    TRY(sent);
    for (;;) {
      alignas(nlmsghdr) static thread_local char buffer[65536];
      sys::Call got = CALL(recvfrom, socket_.get(), buffer, sizeof buffer, 0, nullptr, nullptr);
      if (got.error() == EINTR) continue;
      TRY(got);
      auto left = static_cast<u32>(got.value);
      for (auto* one = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(one, left); one = NLMSG_NEXT(one, left)) {
        if (one->nlmsg_type == NLMSG_DONE) return {};
        if (one->nlmsg_type == NLMSG_ERROR) {
          return failure(-static_cast<nlmsgerr*>(NLMSG_DATA(one))->error, name);
        }
        take(*one);
      }
    }
  }
  Status tell(Request& request, const char* name) {
    return ask(request, name, [](const nlmsghdr&) {});
  }

  // NAME may be an alternative one; ip-link(8), "altname".
  Status find(Text name, Link& link) {
    Request request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
    request.attribute(IFLA_IFNAME, name.data, name.size + 1);
    return ask(request, "RTM_GETLINK", [&](const nlmsghdr& one) {
      if (one.nlmsg_type != RTM_NEWLINK) return;
      auto* head = static_cast<ifinfomsg*>(NLMSG_DATA(&one));
      link = {head->ifi_index, (head->ifi_flags & IFF_UP) != 0, {}};
      auto left = static_cast<int>(IFLA_PAYLOAD(&one));
      for (auto* part = IFLA_RTA(head); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
        if (part->rta_type == IFLA_IFNAME) link.name = static_cast<const char*>(RTA_DATA(part));
      }
    });
  }

  Status set_up(int index, bool up) {
    ifinfomsg body{};
    body.ifi_index = index;
    body.ifi_change = IFF_UP;
    body.ifi_flags = up ? IFF_UP : 0;
    Request request(RTM_NEWLINK, NLM_F_ACK, body);
    return tell(request, "RTM_NEWLINK");
  }

  // The addresses that are not of the kernel's own making, nor of a limited scope or time: those outlive the move.
  Status addresses_of(int index, std::vector<Address>& addresses) {
    Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    return ask(request, "RTM_GETADDR", [&](const nlmsghdr& one) {
      const auto* head = static_cast<const ifaddrmsg*>(NLMSG_DATA(&one));
      const bool wanted = one.nlmsg_type == RTM_NEWADDR && static_cast<int>(head->ifa_index) == index &&
                          head->ifa_scope == RT_SCOPE_UNIVERSE && (head->ifa_flags & IFA_F_PERMANENT) != 0;
      if (!wanted) return;
      Address address{*head, {}};
      auto left = static_cast<int>(IFA_PAYLOAD(&one));
      for (auto* part = IFA_RTA(head); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
        if (part->rta_type != IFA_LOCAL && part->rta_type != IFA_ADDRESS && part->rta_type != IFA_BROADCAST) continue;
        const u8* data = static_cast<const u8*>(RTA_DATA(part));
        address.attributes.emplace_back(part->rta_type, Bytes(data, data + RTA_PAYLOAD(part)));
      }
      addresses.push_back(std::move(address));
    });
  }

  Status add_address(const Address& address, int index) {
    ifaddrmsg body = address.head;
    body.ifa_index = static_cast<u32>(index);
    body.ifa_flags = IFA_F_PERMANENT;
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body);
    for (const auto& [type, value] : address.attributes) request.attribute(type, value.data(), value.size());
    return tell(request, "RTM_NEWADDR");
  }

  // Name and namespace change in one step. Its number in the other namespace is what it is found by there, because a
  // name such as eth%d is completed by the kernel: the old number, or the next that is free.
  Status move(int& index, Text name, int network_namespace) {
    const int old = index;
    for (int tried = 0; tried < kIndexesTried; tried++) {
      ifinfomsg body{};
      body.ifi_index = old;
      Request request(RTM_NEWLINK, NLM_F_ACK, body);
      request.attribute(IFLA_IFNAME, name.data, name.size + 1);
      request.attribute(IFLA_NET_NS_FD, network_namespace).attribute(kNewIndex, index);
      Status status = tell(request, "RTM_NEWLINK");
      if (status.error != EBUSY) return status;
      index++;
    }
    return failure(EBUSY, "RTM_NEWLINK");
  }

 private:
  Fd socket_;
};

// One interface, on its way.
struct Move {
  Route here, there;
  Fd home, target;
  Link link;
  std::vector<Address> addresses;

  Status prepare(Text device, const char* path) {
    TRY(here.open());
    TRY(home.take(CALL(openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0)));
    TRY(target.take(CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)));
    TRY(there.open_in(target.get()));
    TRY(here.find(device, link));
    return here.addresses_of(link.index, addresses);
  }

  Status go(Text name) {
    TRY(here.set_up(link.index, false));
    TRY(here.move(link.index, name.empty() ? Text(link.name.c_str()) : name, target.get()));
    for (const Address& address : addresses) TRY(there.add_address(address, link.index));
    return there.set_up(link.index, true);
  }

  // As far as it goes: the kernel may have moved it although it could not rename it. By its own name: it cannot be given
  // one of its alternative names. What cannot be put back is told by the error that led here.
  void back() {
    Link found;
    if (!here.find(link.name.c_str(), found).ok()) {
      (void)there.set_up(link.index, false);
      if (!there.move(link.index, link.name.c_str(), home.get()).ok()) return;
    }
    for (const Address& address : addresses) (void)here.add_address(address, link.index);
    if (link.up) (void)here.set_up(link.index, true);
  }
};

}  // namespace

Status NetDevices::move(plan::Reader& arguments, i32 pid) {
  Text device = arguments.text(), name = arguments.text(), path = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  auto job = std::make_shared<Move>();
  const std::string own = "/proc/" + std::to_string(pid) + "/ns/net";
  TRY(job->prepare(device, path.empty() ? own.c_str() : path.data), device);
  undo_.push_back([job] { job->back(); });
  return status_of(job->go(name), device);
}

void NetDevices::restore() {
  for (auto one = undo_.rbegin(); one != undo_.rend(); ++one) (*one)();
  undo_.clear();
}

}  // namespace host
