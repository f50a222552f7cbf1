// What the kernel tells of cgroups and of trapped system calls.

#include "binding/addon.h"
#include "host/notify.h"
#include "host/trapped.h"

namespace binding {

constexpr u32 kReadable = 1;  // EPOLLIN

// notify(id, kind, paths, argument) -> notified, until `forget`.
Napi::Value Addon::Notify(const Info& info) {
  host::Notification opened;
  std::vector<std::string> paths;
  if (!read_texts(info[2], paths)) return result(info, -ECANCELED);
  const auto kind = static_cast<host::NotifyKind>(number(info, 1));
  Status status = host::open_notification(kind, paths, text(info, 3), opened);
  const u32 id = id_of(info);
  if (status.ok()) status = reactor_->watch_notification(id, std::move(opened.fd), opened.events);
  return result(info, -status.error);
}

// watchTrapped(id, listener) -> trapped for each call, and notified at the end; until `forget`. Takes the listener over.
Napi::Value Addon::WatchTrapped(const Info& info) {
  Fd listener(number(info, 1));
  held_->hand_over(listener.get());
  return result(info, -reactor_->watch_notification(id_of(info), std::move(listener), kReadable, true).error);
}

// answerCall(id, call, value, errno, flags)
Napi::Value Addon::AnswerCall(const Info& info) {
  bool whole = true;
  const i64 value = info[2].As<Napi::BigInt>().Int64Value(&whole);
  return result(info, -reactor_->answer_call(id_of(info), unsigned_of(info, 1), value, number(info, 3),
                                             static_cast<u32>(number(info, 4))));
}

// addDescriptor(id, listening, call, descriptor, number, closeOnExec, answer) -> done: a the number or -errno. The
// descriptor is duplicated at once, the caller keeps his.
Napi::Value Addon::AddDescriptor(const Info& info) {
  const u32 id = id_of(info);
  auto listener = std::make_shared<Fd>(reactor_->notification(id_of(info, 1))), source = std::make_shared<Fd>();
  const int refused = listener->valid() ? duplicate(number(info, 3), *source) : ENOENT;
  if (refused != 0) return Posted(info, {id, host::EventType::done, -refused});
  const host::AddedDescriptor added{unsigned_of(info, 2), source->get(), number(info, 4), info[5].As<Napi::Boolean>(),
                                    info[6].As<Napi::Boolean>()};
  return OnThread(info, {id, host::EventType::done, -EAGAIN}, [id, listener, source, added]() -> host::Event {
    return {id, host::EventType::done, static_cast<i32>(host::add_descriptor(listener->get(), added))};
  });
}

// readMemory(id, listening, call, pid, address, length) -> done: a errno or 0, data what was read.
Napi::Value Addon::ReadMemory(const Info& info) {
  const u32 id = id_of(info);
  auto listener = std::make_shared<Fd>(reactor_->notification(id_of(info, 1)));
  if (!listener->valid()) return Posted(info, {id, host::EventType::done, ENOENT});
  const auto read = [id, listener, call = unsigned_of(info, 2), pid = number(info, 3), address = unsigned_of(info, 4),
                     length = id_of(info, 5)]() -> host::Event {
    std::string memory;
    const int failed = host::read_memory(listener->get(), call, pid, address, length, memory);
    return {id, host::EventType::done, failed, 0, std::move(memory)};
  };
  return OnThread(info, {id, host::EventType::done, EAGAIN}, read);
}

}  // namespace binding
