// Processes of containers: their events, signals, the word to go on.

#include <sys/wait.h>

#include "binding/addon.h"
#include "host/identity.h"

namespace binding {

// watch(id, pid, startTime)
Napi::Value Addon::Watch(const Info& info) {
  Fd pidfd;
  int error = host::open_process(number(info, 1), text(info, 2), pidfd);
  if (error == 0) error = reactor_->watch(id_of(info), Fd(), std::move(pidfd)).error;
  return result(info, -error);
}

Napi::Value Addon::Forget(const Info& info) {
  reactor_->forget(id_of(info));
  return info.Env().Undefined();
}

// openChannel(id, path): the FIFO of a created container. A reader lets init's open go on.
Napi::Value Addon::OpenChannel(const Info& info) {
  return result(info, -reactor_->open_channel(id_of(info), text(info, 1)).error);
}

Napi::Value Addon::Send(const Info& info) {
  return result(info, -reactor_->send(id_of(info)));
}

// signal(id, signal): a process that this environment watches.
Napi::Value Addon::Signal(const Info& info) {
  return result(info, -reactor_->signal(id_of(info), number(info, 1)));
}

// signalPid(pid, startTime, signal): any other process; an empty start time is not checked.
Napi::Value Addon::SignalPid(const Info& info) {
  Fd pidfd;
  std::string start = text(info, 1);
  int error = start.empty() ? pidfd.take(CALL(pidfd_open, number(info, 0), 0)).error
                            : host::open_process(number(info, 0), start, pidfd);
  if (error == 0) error = CALL(pidfd_send_signal, pidfd.get(), number(info, 2), nullptr, 0).error();
  return result(info, -error);
}

Napi::Value Addon::SetReaping(const Info& info) {
  reactor_->set_reaping(info[0].As<Napi::Boolean>());
  return info.Env().Undefined();
}

// reap(pid): the zombie of a child that ended while reaping was off.
Napi::Value Addon::Reap(const Info& info) {
  siginfo_t ended{};
  CALL(waitid, P_PID, number(info, 0), &ended, WEXITED | WNOHANG, nullptr);
  return info.Env().Undefined();
}

// awaitChild(id, pid) -> done: a exit code or -1, b signal. Reaps it.
Napi::Value Addon::AwaitChild(const Info& info) {
  const u32 id = id_of(info);
  return OnThread(info, {id, host::EventType::done, -1, 0}, [id, pid = number(info, 1)]() -> host::Event {
    siginfo_t ended{};
    while (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED) != 0 && errno == EINTR) {
    }
    const bool exited = ended.si_code == CLD_EXITED;
    return {id, host::EventType::done, exited ? ended.si_status : -1, exited ? 0 : ended.si_status};
  });
}

}  // namespace binding
