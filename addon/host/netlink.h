// A conversation with the kernel over rtnetlink(7): one request, its answers, the end. Runs on a worker thread of the Node
// process. What is read is not trusted: it is bounded, and only the kernel's word is taken.
#pragma once

#include <linux/rtnetlink.h>

#include <cstring>
#include <functional>
#include <vector>

#include "sys/fd.h"

namespace host {

// A request being put together: header, a struct of its family, attributes.
class NetlinkRequest {
 public:
  template <class Body>
  NetlinkRequest(u16 type, u16 flags, const Body& body) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<u16>(NLM_F_REQUEST | flags);
    add(&header, sizeof header);
    add(&body, sizeof body);
  }
  NetlinkRequest& attribute(u16 type, const void* data, size_t size);
  NetlinkRequest& attribute(u16 type, i32 value) { return attribute(type, &value, sizeof value); }
  const std::vector<u8>& finish(u32 sequence);

 private:
  void add(const void* data, size_t size);
  std::vector<u8> bytes_;
};

// One message of an answer: a struct of its family, then attributes.
struct NetlinkAnswer {
  u16 type;
  const u8* data;
  u32 size;

  // False where it is too short for one.
  template <class Body>
  [[nodiscard]] bool read(Body& body) const {
    if (size < sizeof body) return false;
    memcpy(&body, data, sizeof body);
    return true;
  }
  // TAKE(type, data, size) of each attribute after a struct of SIZE_OF_BODY.
  template <class Take>
  void attributes(u32 size_of_body, Take take) const {
    rtattr head;
    for (u32 at = NLMSG_ALIGN(size_of_body); at + sizeof head <= size; at += RTA_ALIGN(head.rta_len)) {
      memcpy(&head, data + at, sizeof head);
      if (head.rta_len < sizeof head || head.rta_len > size - at) return;
      take(head.rta_type, data + at + sizeof head, static_cast<u32>(head.rta_len - sizeof head));
    }
  }
};

// A socket of rtnetlink; which namespace it works in was decided when it was made.
class Netlink {
 public:
  Status open();
  // In another network namespace, which is entered on a thread of its own that does nothing else.
  Status open_in(int network_namespace);
  // Send, and give each answer to TAKE, until the kernel says that this was all, or which error it has. NAME is what fails then.
  Status ask(NetlinkRequest& request, const char* name, const std::function<void(const NetlinkAnswer&)>& take);
  Status tell(NetlinkRequest& request, const char* name);

 private:
  Fd socket_;
  u32 sequence_ = 0;
};

}  // namespace host
