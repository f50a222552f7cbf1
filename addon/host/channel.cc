// See channel.h. The layout is that of plan/format.h.

#include "host/channel.h"

#include <algorithm>
#include <utility>

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

// The descriptors go with the first byte.
Status send_with(int channel, const std::string& text, const Fd* descriptors, size_t count) {
  alignas(8) u8 control[sizeof(kernel::ControlHeader) + 4 * kernel::kDescriptorsPerMessage];
  kernel::ControlHeader header{sizeof header + 4 * count, 1, 1};
  __builtin_memcpy(control, &header, sizeof header);
  for (size_t i = 0; i < count; i++) {
    int fd = descriptors[i].get();
    __builtin_memcpy(control + sizeof header + 4 * i, &fd, 4);
  }
  kernel::Vector vector{const_cast<char*>(text.data()), text.size()};
  kernel::Message message{nullptr, 0, 0, &vector, 1, control, sizeof header + ((4 * count + 7) & ~7ul), 0, 0};
  if (count == 0) message.control_length = 0;
  sys::Call sent{};
  do {
    sent = CALL(sendmsg, channel, &message, kernel::kMessageNoSignal);
  } while (sent.error() == EINTR);
  TRY(sent, "init");
  const size_t done = static_cast<size_t>(sent.value);
  return send_all(channel, text.data() + done, text.size() - done);
}

}  // namespace

// In one message, as long as the descriptors fit: init wakes up once.
Status send_plan(int channel, i32 pid, const std::string& plan, const std::vector<Fd>& descriptors) {
  if (descriptors.size() > plan::kMaximumDescriptors || plan.size() > plan::kMaximumSize) return failure(E2BIG, "sendmsg", "plan");
  plan::Bootstrap bootstrap{plan::kMagic, static_cast<u32>(plan.size()), pid, static_cast<u32>(descriptors.size())};
  std::string first(reinterpret_cast<const char*>(&bootstrap), sizeof bootstrap), rest = plan;
  if (descriptors.size() <= kernel::kDescriptorsPerMessage) first += std::exchange(rest, {});
  size_t passed = 0;
  do {
    const size_t count = std::min<size_t>(descriptors.size() - passed, kernel::kDescriptorsPerMessage);
    TRY(send_with(channel, passed == 0 ? first : std::string(1, 0), descriptors.data() + passed, count));
    passed += count;
  } while (passed < descriptors.size());
  return send_all(channel, rest.data(), rest.size());
}

}  // namespace host
