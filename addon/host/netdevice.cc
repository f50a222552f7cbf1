// See netdevice.h. Runs on a worker thread of the Node process, between the clone and the start of init, in the network
// namespace of Node. Sources: rtnetlink(7), runtime-spec config-linux.md "Network Devices".

#include "host/netdevice.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "host/netlink.h"

namespace host {
namespace {

constexpr unsigned short kNewIndex = 49;  // IFLA_NEW_IFINDEX of Linux 5.13
constexpr int kIndexesTried = 4096;

using Bytes = std::vector<u8>;

struct Link {
  int index = 0;
  bool up = false;
  std::string name;
};

struct Address {
  ifaddrmsg head;
  std::vector<std::pair<u16, Bytes>> attributes;
};

// What is asked of the interfaces of one network namespace.
class Route : public Netlink {
 public:
  // NAME may be an alternative one; ip-link(8), "altname".
  Status find(Text name, Link& link) {
    NetlinkRequest request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
    request.attribute(IFLA_IFNAME, name.data, name.size + 1);
    link = {};
    TRY(ask(request, "RTM_GETLINK", [&](const NetlinkAnswer& answer) {
      ifinfomsg head;
      if (answer.type != RTM_NEWLINK || !answer.read(head)) return;
      link = {head.ifi_index, (head.ifi_flags & IFF_UP) != 0, {}};
      answer.attributes(sizeof head, [&](u16 type, const u8* data, u32 size) {
        const char* text = reinterpret_cast<const char*>(data);
        if (type == IFLA_IFNAME) link.name.assign(text, strnlen(text, size));
      });
    }));
    return failure(link.index > 0 ? 0 : EPROTO, "RTM_GETLINK");
  }

  Status set_up(int index, bool up) {
    ifinfomsg body{};
    body.ifi_index = index;
    body.ifi_change = IFF_UP;
    body.ifi_flags = up ? IFF_UP : 0;
    NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK, body);
    return tell(request, "RTM_NEWLINK");
  }

  // The addresses that are not of the kernel's own making, nor of a limited scope or time: those outlive the move.
  Status addresses_of(int index, std::vector<Address>& addresses) {
    NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    return ask(request, "RTM_GETADDR", [&](const NetlinkAnswer& answer) {
      ifaddrmsg head;
      const bool wanted = answer.type == RTM_NEWADDR && answer.read(head) && static_cast<int>(head.ifa_index) == index &&
                          head.ifa_scope == RT_SCOPE_UNIVERSE && (head.ifa_flags & IFA_F_PERMANENT) != 0;
      if (!wanted) return;
      Address address{head, {}};
      answer.attributes(sizeof head, [&](u16 type, const u8* data, u32 size) {
        if (type != IFA_LOCAL && type != IFA_ADDRESS && type != IFA_BROADCAST) return;
        address.attributes.emplace_back(type, Bytes(data, data + size));
      });
      addresses.push_back(std::move(address));
    });
  }

  Status add_address(const Address& address, int index) {
    ifaddrmsg body = address.head;
    body.ifa_index = static_cast<u32>(index);
    body.ifa_flags = IFA_F_PERMANENT;
    NetlinkRequest request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body);
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
      NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK, body);
      request.attribute(IFLA_IFNAME, name.data, name.size + 1);
      request.attribute(IFLA_NET_NS_FD, network_namespace).attribute(kNewIndex, index);
      Status status = tell(request, "RTM_NEWLINK");
      if (status.error != EBUSY) return status;
      index++;
    }
    return failure(EBUSY, "RTM_NEWLINK");
  }
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
