// Programs of the host, and what a service manager is told.

#include "binding/addon.h"
#include "host/command.h"
#include "host/identity.h"
#include "host/readiness.h"
#include "host/session.h"

namespace binding {
namespace {

// Arguments 2 and 3: the words of the program and its environment.
[[nodiscard]] bool read_words(const Napi::CallbackInfo& info, host::Program& program) {
  return read_texts(info[2], program.arguments) && read_texts(info[3], program.environment);
}

}  // namespace

// command(id, path, args, env, directory, input, timeoutMs, output, error, cancel) -> done: a code or -1, b signal or -errno,
// data stdout, data2 stderr; where a descriptor is given for one of them (or -1) it goes there instead. CANCEL is the read
// end of a pipe, or -1: when its other end is closed the time of the program has run out.
Napi::Value Addon::RunCommand(const Info& info) {
  host::Command command;
  const u32 id = id_of(info);
  command.program = {text(info, 1), {}, {}, text(info, 4), {}};
  if (!read_words(info, command.program)) return info.Env().Undefined();
  command.input = text(info, 5);
  command.timeout_ms = info[6].As<Napi::Number>().Uint32Value();
  for (size_t at : {7, 8, 9}) {
    if (number(info, at) < 0) continue;
    auto file = std::make_shared<Fd>();
    const int error = duplicate(number(info, at), *file, 3);
    if (error != 0) return Posted(info, {id, host::EventType::done, -1, -error});
    (at == 7 ? command.output_file : at == 8 ? command.error_file : command.cancel) = std::move(file);
  }
  return OnThread(info, {id, host::EventType::done, -1, -EAGAIN}, [id, command = std::move(command)]() -> host::Event {
    host::CommandResult done = host::run_command(command);
    int cause = done.timed_out ? -ETIMEDOUT : done.error != 0 ? -done.error : done.signal;
    return {id, host::EventType::done, done.code, cause, std::move(done.output), std::move(done.error_output)};
  });
}

// openSession(id, path, args, env, descriptors, source, target, readonly, keyring) -> done: a socket or -1, b pid or -errno,
// data what failed. DESCRIPTORS stay the caller's.
Napi::Value Addon::OpenSession(const Info& info) {
  auto session = std::make_shared<host::Session>();
  const u32 id = id_of(info);
  session->program = {text(info, 1), {}, {}, {}, text(info, 8)};
  if (!read_words(info, session->program)) return info.Env().Undefined();
  const int error = duplicate(info[4], session->descriptors, host::Session::kFirstNumber);
  if (error != 0) return Posted(info, {id, host::EventType::done, -1, -error, "fcntl"});
  session->source = text(info, 5);
  session->target = text(info, 6);
  session->readonly = info[7].As<Napi::Boolean>();
  return OnThread(info, {id, host::EventType::done, -1, -EAGAIN, "pthread_create"}, [id, session]() -> host::Event {
    host::SessionStart start = host::start_session(*session);
    if (start.error != 0) return {id, host::EventType::done, -1, -start.error, start.step};
    return {id, host::EventType::done, start.socket.release(), start.pid, {}, {}, true};
  });
}

// exchange(id, socket, message) -> done: a descriptor that came along or -1, b -errno, data the next message; empty at
// the end. The socket must stay open until then.
Napi::Value Addon::Exchange(const Info& info) {
  const u32 id = id_of(info);
  const auto exchange = [id, socket = number(info, 1), message = bytes_of(info[2])]() -> host::Event {
    host::Reply reply = host::exchange(socket, message);
    const bool came = reply.descriptor.valid();
    return {id, host::EventType::done, reply.descriptor.release(), -reply.error, std::move(reply.data), {}, came};
  };
  return OnThread(info, {id, host::EventType::done, -1, -EAGAIN}, exchange);
}

// bindNotify(directory, name): a datagram socket for sd_notify(3)
Napi::Value Addon::BindNotify(const Info& info) {
  const int bound = host::bind_notify(text(info, 0), text(info, 1));
  return result(info, bound >= 0 ? held_->add(bound) : bound);
}

// relayReady(id, socket, pid, startTime, manager, mainPid) -> done: a 1 when the manager was told, b -errno. Takes the
// socket over.
Napi::Value Addon::RelayReady(const Info& info) {
  auto relay = std::make_shared<host::Relay>();
  const u32 id = id_of(info);
  relay->socket.reset(number(info, 1));
  held_->hand_over(relay->socket.get());
  relay->manager = text(info, 4);
  relay->main_pid = text(info, 5);
  if (host::open_process(number(info, 2), text(info, 3), relay->process) != 0) relay->process.reset();
  return OnThread(info, {id, host::EventType::done, 0, -EAGAIN}, [id, relay]() -> host::Event {
    const host::RelayResult done = host::relay_ready(*relay);
    return {id, host::EventType::done, done.ready ? 1 : 0, -done.error};
  });
}

}  // namespace binding
