// See channel.h. The layout is that of plan/format.h.

#include "host/channel.h"

#include <algorithm>

#include "plan/format.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status send_all(int channel, const char* data, size_t size) {
  while (size > 0) {
    sys::Call sent = CALL(sendto, channel, data, size, kernel::kMessageNoSignal, nullptr, 0);
    if (sent.error() == EINTR) continue;
    TRY(sent, "init");
    data += sent.value;
    size -= static_cast<size_t>(sent.value);
  }
  return {};
}

Status send_descriptors(int channel, const std::vector<Fd>& descriptors) {
  for (size_t first = 0; first < descriptors.size(); first += kernel::kDescriptorsPerMessage) {
    const size_t count = std::min<size_t>(descriptors.size() - first, kernel::kDescriptorsPerMessage);
    alignas(8) u8 control[sizeof(kernel::ControlHeader) + 4 * kernel::kDescriptorsPerMessage];
    kernel::ControlHeader header{sizeof header + 4 * count, 1, 1};
    __builtin_memcpy(control, &header, sizeof header);
    for (size_t i = 0; i < count; i++) {
      int fd = descriptors[first + i].get();
      __builtin_memcpy(control + sizeof header + 4 * i, &fd, 4);
    }
    u8 byte = 0;
    kernel::Vector vector{&byte, 1};
    kernel::Message message{nullptr, 0, 0, &vector, 1, control, sizeof header + ((4 * count + 7) & ~7ul), 0, 0};
    sys::Call sent{};
    do {
      sent = CALL(sendmsg, channel, &message, kernel::kMessageNoSignal);
    } while (sent.error() == EINTR);
    TRY(sent, "init");
  }
  return {};
}

}  // namespace

Status send_plan(int channel, i32 pid, const std::string& plan, const std::vector<Fd>& descriptors) {
  if (descriptors.size() > plan::kMaximumDescriptors || plan.size() > plan::kMaximumSize) return failure(E2BIG, "sendmsg", "plan");
  plan::Bootstrap bootstrap{plan::kMagic, static_cast<u32>(plan.size()), pid, static_cast<u32>(descriptors.size())};
  TRY(send_all(channel, reinterpret_cast<const char*>(&bootstrap), sizeof bootstrap));
  TRY(send_descriptors(channel, descriptors));
  return send_all(channel, plan.data(), plan.size());
}

}  // namespace host
