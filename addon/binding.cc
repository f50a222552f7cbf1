// The N-API surface: the only file that knows N-API. Runs on the JavaScript thread; copies arguments into plain structs
// and hands them to host/. Everything comes back as an event to the one dispatcher that JavaScript has registered.
// lib/native/addon.ts is the typed declaration of what is exported here.

#include <napi.h>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <unordered_set>
#include <utility>

#include "host/cgroup.h"
#include "host/command.h"
#include "host/session.h"
#include "host/create.h"
#include "host/image.h"
#include "host/probe.h"
#include "host/notify.h"
#include "host/networks.h"
#include "host/reactor.h"
#include "host/readiness.h"
#include "host/spawn.h"
#include "host/thread.h"
#include "host/trapped.h"
#include "host/workers.h"
#include "plan/format.h"
#include "sys/kernel.h"
#include "sys/resolve.h"

namespace {

// Outlives the environment: a thread that is late finds it closed instead of a dead function.
class Outbox {
 public:
  void open(napi_threadsafe_function function) { function_ = function; }
  void post(host::Event event) {
    std::lock_guard lock(guard_);
    auto* copy = new host::Event(std::move(event));
    if (function_ != nullptr && napi_call_threadsafe_function(function_, copy, napi_tsfn_nonblocking) == napi_ok) return;
    drop(copy);
  }
  void close() {
    std::lock_guard lock(guard_);
    if (function_ != nullptr) napi_release_threadsafe_function(function_, napi_tsfn_abort);
    function_ = nullptr;
  }
  [[nodiscard]] napi_threadsafe_function function() const { return function_; }

  // An event that nobody will get: a lock in it would otherwise be held for as long as the process lives.
  static void drop(host::Event* event) {
    if (event->owned && event->a >= 0) CALL(close, event->a);
    delete event;
  }

 private:
  std::mutex guard_;
  napi_threadsafe_function function_ = nullptr;
};

// Most events have no data, and a Buffer is dear.
napi_value to_buffer(napi_env env, const std::string& data, napi_value empty) {
  if (data.empty()) return empty;
  napi_value value = nullptr;
  napi_create_buffer_copy(env, data.size(), data.data(), nullptr, &value);
  return value;
}

void deliver(napi_env env, napi_value dispatcher, void*, void* data) {
  if (env == nullptr || dispatcher == nullptr) return Outbox::drop(static_cast<host::Event*>(data));
  std::unique_ptr<host::Event> event(static_cast<host::Event*>(data));
  Napi::HandleScope scope(env);
  napi_value arguments[6], global = nullptr;
  napi_create_uint32(env, event->id, &arguments[0]);
  napi_create_uint32(env, static_cast<u32>(event->type), &arguments[1]);
  napi_create_int32(env, event->a, &arguments[2]);
  napi_create_int32(env, event->b, &arguments[3]);
  napi_value empty = nullptr;
  napi_get_undefined(env, &empty);
  arguments[4] = to_buffer(env, event->data, empty);
  arguments[5] = to_buffer(env, event->data2, empty);
  napi_get_global(env, &global);
  if (napi_call_function(env, global, dispatcher, 6, arguments, nullptr) == napi_pending_exception) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
}

constexpr u32 kReadable = 1;  // EPOLLIN

std::string bytes_of(const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  return std::string(reinterpret_cast<const char*>(array.Data()), array.ByteLength());
}

std::vector<std::string> texts_of(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (u32 i = 0; i < array.Length(); i++) texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
  return texts;
}

// A call that fails gives -errno: the words are made in TypeScript.
Napi::Value result(const Napi::CallbackInfo& info, long value) { return Napi::Number::New(info.Env(), value); }
Napi::Value checked(const Napi::CallbackInfo& info, long value) { return result(info, value < 0 ? -errno : value); }
int number(const Napi::CallbackInfo& info, size_t at) { return info[at].As<Napi::Number>().Int32Value(); }
u64 unsigned_of(const Napi::CallbackInfo& info, size_t at) {
  bool whole = true;
  return info[at].As<Napi::BigInt>().Uint64Value(&whole);
}
std::string text(const Napi::CallbackInfo& info, size_t at) { return info[at].As<Napi::String>().Utf8Value(); }

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) : outbox_(std::make_shared<Outbox>()) {
    DefineAddon(exports, {
        InstanceMethod("start", &Addon::Start),
        InstanceMethod("hold", &Addon::Hold),
        InstanceMethod("spawn", &Addon::SpawnInit),
        InstanceMethod("plan", &Addon::GivePlan),
        InstanceMethod("probe", &Addon::ProbeKernel),
        InstanceMethod("prepareCgroup", &Addon::PrepareCgroup),
        InstanceMethod("sendPlan", &Addon::SendPlan),
        InstanceMethod("keepNetworks", &Addon::KeepNetworks),
        InstanceMethod("takeNetwork", &Addon::TakeNetwork),
        InstanceMethod("watch", &Addon::Watch),
        InstanceMethod("openChannel", &Addon::OpenChannel),
        InstanceMethod("send", &Addon::Send),
        InstanceMethod("signal", &Addon::Signal),
        InstanceMethod("signalPid", &Addon::SignalPid),
        InstanceMethod("forget", &Addon::Forget),
        InstanceMethod("setReaping", &Addon::SetReaping),
        InstanceMethod("reap", &Addon::Reap),
        InstanceMethod("command", &Addon::RunCommand),
        InstanceMethod("openSession", &Addon::OpenSession),
        InstanceMethod("exchange", &Addon::Exchange),
        InstanceMethod("awaitChild", &Addon::AwaitChild),
        InstanceMethod("notify", &Addon::Notify),
        InstanceMethod("watchTrapped", &Addon::WatchTrapped),
        InstanceMethod("answerCall", &Addon::AnswerCall),
        InstanceMethod("addDescriptor", &Addon::AddDescriptor),
        InstanceMethod("readMemory", &Addon::ReadMemory),
        InstanceMethod("readFiles", &Addon::ReadFiles),
        InstanceMethod("setDeviceProgram", &Addon::SetDeviceProgram),
        InstanceMethod("bindNotify", &Addon::BindNotify),
        InstanceMethod("relayReady", &Addon::RelayReady),
        InstanceMethod("removeDirectories", &Addon::RemoveDirectories),
        InstanceMethod("removeContainer", &Addon::RemoveContainer),
        InstanceMethod("lock", &Addon::Lock),
        InstanceMethod("lockWait", &Addon::LockWait),
        InstanceMethod("holdLock", &Addon::HoldLock),
        InstanceMethod("mkfifo", &Addon::MakeFifo),
        InstanceMethod("pipe", &Addon::Pipe),
        InstanceMethod("close", &Addon::Close),
        InstanceMethod("connect", &Addon::Connect),
        InstanceMethod("sendDescriptor", &Addon::SendDescriptor),
        InstanceMethod("descriptorFlags", &Addon::DescriptorFlags),
        InstanceMethod("pendingBytes", &Addon::PendingBytes),
        InstanceMethod("openRoot", &Addon::OpenRoot),
        InstanceMethod("openInside", &Addon::OpenInside),
        InstanceMethod("createEntry", &Addon::CreateEntry),
        InstanceMethod("setWindowSize", &Addon::SetWindowSize),
    });
  }

  ~Addon() { Stop(); }

 private:
  // What has begun is ended before the environment is: nobody will hear of it any more.
  void Stop() {
    outbox_->close();
    GiveUp();
    networks_->keep(0);
    workers_.reset();
    reactor_.reset();
    for (int lock : locks_) CALL(close, lock);
    locks_.clear();
  }

  // start(dispatcher): before everything else, once; again after -EAGAIN.
  Napi::Value Start(const Napi::CallbackInfo& info) {
    napi_env env = info.Env();
    napi_threadsafe_function function = nullptr;
    napi_create_threadsafe_function(env, info[0], nullptr, Napi::String::New(env, "nrunc"), 0, 1, nullptr, nullptr,
                                    nullptr, deliver, &function);
    napi_unref_threadsafe_function(env, function);
    outbox_->open(function);
    post_ = [outbox = outbox_](host::Event event) { outbox->post(std::move(event)); };
    reactor_ = std::make_unique<host::Reactor>(post_);
    if (!reactor_->running()) return Unstarted(info);
    workers_ = std::make_unique<host::Workers>();
    // Ahead of the first start, while JavaScript reads a config: a thread, and the memory file of init.
    workers_->run([] {
      host::Image image;
      (void)host::open_image(image);  // the start that needs it says what is wrong
    });
    // Node frees the function when the environment ends, whoever still holds it, and only then this object. What is
    // hooked later is called first.
    napi_add_env_cleanup_hook(env, [](void* addon) { static_cast<Addon*>(addon)->Stop(); }, this);
    return result(info, 0);
  }

  // No thread, no events: as if it had not been called.
  Napi::Value Unstarted(const Napi::CallbackInfo& info) {
    reactor_.reset();
    outbox_->close();
    return result(info, -EAGAIN);
  }

  // hold(on): whether pending events keep the event loop alive.
  Napi::Value Hold(const Napi::CallbackInfo& info) {
    if (info[0].As<Napi::Boolean>().Value()) napi_ref_threadsafe_function(info.Env(), outbox_->function());
    else napi_unref_threadsafe_function(info.Env(), outbox_->function());
    return info.Env().Undefined();
  }

  // spawn(id, hostPlan, descriptors): the descriptors are duplicated, the caller keeps his. The caller must give init's
  // plan before he returns to the event loop.
  Napi::Value SpawnInit(const Napi::CallbackInfo& info) {
    host::SpawnRequest request{static_cast<u32>(number(info, 0)), bytes_of(info[1]), {}, {}};
    if (!workers_->ready()) return result(info, -EAGAIN);
    if (int error = Duplicate(info[2].As<Napi::Array>(), request.descriptors)) return result(info, -error);
    GiveUp();
    init_plan_ = std::promise<std::string>();
    plan_awaited_ = true;
    request.init_plan = init_plan_.get_future().share();
    host::spawn(*workers_, *reactor_, post_, std::move(request));
    return result(info, 0);
  }

  // plan(initPlan): for the spawn just called. It is made while init is being cloned; an empty one gives the spawn up.
  Napi::Value GivePlan(const Napi::CallbackInfo& info) {
    if (std::exchange(plan_awaited_, false)) init_plan_.set_value(bytes_of(info[0]));
    return info.Env().Undefined();
  }

  // probe(): errno by feature, 0 for what is there.
  Napi::Value ProbeKernel(const Napi::CallbackInfo& info) {
    auto found = Napi::Object::New(info.Env());
    for (const auto& [name, error] : host::probe_kernel()) found.Set(name, error);
    return found;
  }

  // prepareCgroup(id, plan) -> done: data is the failure, as in plan::FrameType::failed, or empty.
  Napi::Value PrepareCgroup(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    workers_->run([post = post_, id, plan = bytes_of(info[1])] {
      post({id, host::EventType::done, 0, 0, host::prepare_cgroup(plan).failure});
    });
    return info.Env().Undefined();
  }

  // A spawn whose plan will not come: JavaScript was terminated in between.
  void GiveUp() {
    if (std::exchange(plan_awaited_, false)) init_plan_.set_value({});
  }

  // sendPlan(id, pid, plan, descriptors): to an init that waits for one (awaitPlan). A large plan goes from a worker, so
  // that the event loop does not wait for init to read it; when it cannot be sent, init is gone, and its events say so.
  Napi::Value SendPlan(const Napi::CallbackInfo& info) {
    constexpr size_t kSmall = 64 * 1024;
    const u32 id = static_cast<u32>(number(info, 0));
    const i32 pid = number(info, 1);
    std::string plan = bytes_of(info[2]);
    auto descriptors = std::make_shared<std::vector<Fd>>();
    if (int error = Duplicate(info[3].As<Napi::Array>(), *descriptors)) return result(info, -error);
    if (plan.size() <= kSmall) return result(info, -reactor_->send_plan(id, pid, plan, *descriptors).error);
    workers_->run([this, id, pid, plan = std::move(plan), descriptors] {
      (void)reactor_->send_plan(id, pid, plan, *descriptors);
    });
    return result(info, 0);
  }

  static int Duplicate(const Napi::Array& given, std::vector<Fd>& copies) {
    for (u32 i = 0; i < given.Length(); i++) {
      Fd copy;
      Status taken = copy.take(CALL(fcntl, given.Get(i).As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
      if (!taken.ok()) return taken.error;
      copies.push_back(std::move(copy));
    }
    return 0;
  }

  // keepNetworks(count): have so many network namespaces ready.
  Napi::Value KeepNetworks(const Napi::CallbackInfo& info) {
    networks_->keep(info[0].As<Napi::Number>().Uint32Value());
    return info.Env().Undefined();
  }

  // takeNetwork(): descriptor of one of them, the caller's; -EAGAIN when there is none.
  Napi::Value TakeNetwork(const Napi::CallbackInfo& info) {
    Fd taken = networks_->take();
    return result(info, taken.valid() ? taken.release() : -EAGAIN);
  }

  // Open a pidfd and make sure that it is the process that was meant: a pid alone may have been given away again.
  static int OpenProcess(i32 pid, const std::string& start_time, Fd& pidfd) {
    Status opened = pidfd.take(CALL(pidfd_open, pid, 0));
    if (!opened.ok()) return opened.error;
    std::string time;
    const int error = host::read_start_time(pid, time);
    if (error == EMFILE || error == ENFILE || error == ENOMEM) return error;  // not to know is not that it is gone
    return time == start_time ? 0 : ESRCH;
  }

  // watch(id, pid, startTime)
  Napi::Value Watch(const Napi::CallbackInfo& info) {
    Fd pidfd;
    int error = OpenProcess(number(info, 1), text(info, 2), pidfd);
    if (error == 0) error = reactor_->watch(static_cast<u32>(number(info, 0)), Fd(), std::move(pidfd)).error;
    return result(info, -error);
  }

  // openChannel(id, path): the FIFO of a created container. A reader lets init's open go on.
  Napi::Value OpenChannel(const Napi::CallbackInfo& info) {
    return result(info, -reactor_->open_channel(static_cast<u32>(number(info, 0)), text(info, 1)).error);
  }

  Napi::Value Send(const Napi::CallbackInfo& info) {
    return result(info, -reactor_->send(static_cast<u32>(number(info, 0))));
  }

  // signal(id, signal): a process that this environment watches.
  Napi::Value Signal(const Napi::CallbackInfo& info) {
    return result(info, -reactor_->signal(static_cast<u32>(number(info, 0)), number(info, 1)));
  }

  // signalPid(pid, startTime, signal): any other process; an empty start time is not checked.
  Napi::Value SignalPid(const Napi::CallbackInfo& info) {
    Fd pidfd;
    std::string start = text(info, 1);
    int error = start.empty() ? pidfd.take(CALL(pidfd_open, number(info, 0), 0)).error
                              : OpenProcess(number(info, 0), start, pidfd);
    if (error == 0) error = CALL(pidfd_send_signal, pidfd.get(), number(info, 2), nullptr, 0).error();
    return result(info, -error);
  }

  Napi::Value Forget(const Napi::CallbackInfo& info) {
    reactor_->forget(static_cast<u32>(number(info, 0)));
    return info.Env().Undefined();
  }

  Napi::Value SetReaping(const Napi::CallbackInfo& info) {
    reactor_->set_reaping(info[0].As<Napi::Boolean>());
    return info.Env().Undefined();
  }

  // reap(pid): the zombie of a child that ended while reaping was off.
  Napi::Value Reap(const Napi::CallbackInfo& info) {
    siginfo_t ended{};
    CALL(waitid, P_PID, number(info, 0), &ended, WEXITED | WNOHANG, nullptr);
    return info.Env().Undefined();
  }

  // command(id, path, args, env, directory, input, timeoutMs, output, error) -> done: a code or -1, b signal or -errno, data
  // stdout, data2 stderr; where a descriptor is given for one of them (or -1) it goes there instead. On a thread of its own: a hook may take its time.
  Napi::Value RunCommand(const Napi::CallbackInfo& info) {
    host::Command command;
    const u32 id = static_cast<u32>(number(info, 0));
    command.path = text(info, 1);
    command.arguments = texts_of(info[2]);
    command.environment = texts_of(info[3]);
    command.directory = text(info, 4);
    command.input = text(info, 5);
    command.timeout_ms = info[6].As<Napi::Number>().Uint32Value();
    for (size_t at : {7, 8}) {
      if (number(info, at) < 0) continue;
      auto file = std::make_shared<Fd>();
      Status copied = file->take(CALL(fcntl, number(info, at), F_DUPFD_CLOEXEC, 3));
      if (!copied.ok()) {
        post_({id, host::EventType::done, -1, -copied.error});
        return info.Env().Undefined();
      }
      (at == 7 ? command.output_file : command.error_file) = std::move(file);
    }
    const bool started = host::start_thread([outbox = outbox_, id, command = std::move(command)] {
      host::CommandResult done = host::run_command(command);
      int cause = done.timed_out ? -ETIMEDOUT : done.error != 0 ? -done.error : done.signal;
      outbox->post({id, host::EventType::done, done.code, cause, std::move(done.output), std::move(done.error_output)});
    });
    if (!started) post_({id, host::EventType::done, -1, -EAGAIN});
    return info.Env().Undefined();
  }

  // openSession(id, path, args, env, descriptors, source, target, readonly) -> done: a socket or -1, b pid or -errno,
  // data what failed. DESCRIPTORS stay the caller's.
  Napi::Value OpenSession(const Napi::CallbackInfo& info) {
    auto session = std::make_shared<host::Session>();
    const u32 id = static_cast<u32>(number(info, 0));
    session->path = text(info, 1);
    session->arguments = texts_of(info[2]);
    session->environment = texts_of(info[3]);
    auto descriptors = info[4].As<Napi::Array>();
    for (u32 i = 0; i < descriptors.Length(); i++) {
      Fd copy;
      Status copied = copy.take(CALL(fcntl, descriptors.Get(i).As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 64));
      if (!copied.ok()) {
        post_({id, host::EventType::done, -1, -copied.error, "fcntl"});
        return info.Env().Undefined();
      }
      session->descriptors.push_back(std::move(copy));
    }
    session->source = text(info, 5);
    session->target = text(info, 6);
    session->readonly = info[7].ToBoolean();
    const bool started = host::start_thread([outbox = outbox_, id, session] {
      host::SessionStart start = host::start_session(*session);
      const bool good = start.error == 0;
      outbox->post({id, host::EventType::done, good ? start.socket.release() : -1, good ? start.pid : -start.error,
                    good ? "" : start.step, {}, good});
    });
    if (!started) post_({id, host::EventType::done, -1, -EAGAIN, "pthread_create"});
    return info.Env().Undefined();
  }

  // exchange(id, socket, message) -> done: a descriptor that came along or -1, b -errno, data the next message; empty at
  // the end. The socket must stay open until then.
  Napi::Value Exchange(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    const bool started = host::start_thread([outbox = outbox_, id, socket = number(info, 1), message = bytes_of(info[2])] {
      host::Reply reply = host::exchange(socket, message);
      const bool came = reply.descriptor.valid();
      outbox->post({id, host::EventType::done, reply.descriptor.release(), -reply.error, std::move(reply.data), {}, came});
    });
    if (!started) post_({id, host::EventType::done, -1, -EAGAIN});
    return info.Env().Undefined();
  }

  // awaitChild(id, pid) -> done: a exit code or -1, b signal. Reaps it.
  Napi::Value AwaitChild(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    const bool started = host::start_thread([outbox = outbox_, id, pid = number(info, 1)] {
      siginfo_t ended{};
      while (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED) != 0 && errno == EINTR) {
      }
      const bool exited = ended.si_code == CLD_EXITED;
      outbox->post({id, host::EventType::done, exited ? ended.si_status : -1, exited ? 0 : ended.si_status});
    });
    if (!started) post_({id, host::EventType::done, -1, 0});
    return info.Env().Undefined();
  }

  // notify(id, kind, paths, argument) -> notified, until `forget`.
  Napi::Value Notify(const Napi::CallbackInfo& info) {
    host::Notification opened;
    const auto kind = static_cast<host::NotifyKind>(info[1].As<Napi::Number>().Uint32Value());
    Status status = host::open_notification(kind, texts_of(info[2]), text(info, 3), opened);
    const u32 id = static_cast<u32>(number(info, 0));
    if (status.ok()) status = reactor_->watch_notification(id, std::move(opened.fd), opened.events);
    return result(info, -status.error);
  }

  // watchTrapped(id, listener) -> trapped for each call, and notified at the end; until `forget`. Takes the listener over.
  Napi::Value WatchTrapped(const Napi::CallbackInfo& info) {
    Fd listener(number(info, 1));
    return result(info, -reactor_->watch_notification(static_cast<u32>(number(info, 0)), std::move(listener), kReadable, true).error);
  }

  // answerCall(id, call, value, errno, flags)
  Napi::Value AnswerCall(const Napi::CallbackInfo& info) {
    bool whole = true;
    const i64 value = info[2].As<Napi::BigInt>().Int64Value(&whole);
    return result(info, -reactor_->answer_call(static_cast<u32>(number(info, 0)), unsigned_of(info, 1), value, number(info, 3),
                                               static_cast<u32>(number(info, 4))));
  }

  // addDescriptor(id, listening, call, descriptor, number, closeOnExec, answer) -> done: a the number or -errno. The
  // descriptor is duplicated at once, the caller keeps his.
  Napi::Value AddDescriptor(const Napi::CallbackInfo& info) {
    auto listener = std::make_shared<Fd>(reactor_->notification(static_cast<u32>(number(info, 1))));
    auto source = std::make_shared<Fd>();
    Status copied = source->take(CALL(fcntl, number(info, 3), F_DUPFD_CLOEXEC, 0));
    host::AddedDescriptor added{unsigned_of(info, 2), source->get(), number(info, 4), info[5].As<Napi::Boolean>(), info[6].As<Napi::Boolean>()};
    const u32 id = static_cast<u32>(number(info, 0));
    int error = !copied.ok() ? copied.error : listener->valid() ? 0 : ENOENT;
    if (error == 0 && !host::start_thread([outbox = outbox_, id, listener, source, added] {
          outbox->post({id, host::EventType::done, static_cast<i32>(host::add_descriptor(listener->get(), added))});
        })) error = EAGAIN;
    if (error != 0) post_({id, host::EventType::done, -error});
    return info.Env().Undefined();
  }

  // readMemory(id, listening, call, pid, address, length) -> done: a errno or 0, data what was read.
  Napi::Value ReadMemory(const Napi::CallbackInfo& info) {
    auto listener = std::make_shared<Fd>(reactor_->notification(static_cast<u32>(number(info, 1))));
    const u32 id = static_cast<u32>(number(info, 0)), length = info[5].As<Napi::Number>().Uint32Value();
    int error = listener->valid() ? 0 : ENOENT;
    if (error == 0 && !host::start_thread([outbox = outbox_, id, listener, call = unsigned_of(info, 2), pid = number(info, 3),
                                           address = unsigned_of(info, 4), length] {
          std::string memory;
          const int failed = host::read_memory(listener->get(), call, pid, address, length, memory);
          outbox->post({id, host::EventType::done, failed, 0, std::move(memory)});
        })) error = EAGAIN;
    if (error != 0) post_({id, host::EventType::done, error});
    return info.Env().Undefined();
  }

  // readFiles(id, paths) -> done: data has, for each, its length or -errno (i32, little-endian) and its bytes.
  Napi::Value ReadFiles(const Napi::CallbackInfo& info) {
    workers_->run([post = post_, id = static_cast<u32>(number(info, 0)), paths = texts_of(info[1])] {
      std::string all, content;
      for (const auto& path : paths) {
        content.clear();
        const int error = host::read_whole_file(path.c_str(), content);
        const i32 length = error != 0 ? -error : static_cast<i32>(content.size());
        all.append(reinterpret_cast<const char*>(&length), sizeof length);
        if (error == 0) all += content;
      }
      post({id, host::EventType::done, 0, 0, std::move(all)});
    });
    return info.Env().Undefined();
  }

  // setDeviceProgram(id, path, program) -> done: a errno or 0.
  Napi::Value SetDeviceProgram(const Napi::CallbackInfo& info) {
    workers_->run([post = post_, id = static_cast<u32>(number(info, 0)), path = text(info, 1), program = bytes_of(info[2])] {
      post({id, host::EventType::done, host::set_device_program(path.c_str(), program.data(), program.size()).error});
    });
    return info.Env().Undefined();
  }

  // bindNotify(directory, name): a datagram socket for sd_notify(3)
  Napi::Value BindNotify(const Napi::CallbackInfo& info) { return result(info, host::bind_notify(text(info, 0), text(info, 1))); }

  // relayReady(id, socket, pid, startTime, manager, mainPid) -> done: a 1 when the manager was told, b -errno. Takes the
  // socket over. On a thread of its own: a service may take its time to get ready.
  Napi::Value RelayReady(const Napi::CallbackInfo& info) {
    auto relay = std::make_shared<host::Relay>();
    const u32 id = static_cast<u32>(number(info, 0));
    relay->socket.reset(number(info, 1));
    relay->manager = text(info, 4);
    relay->main_pid = text(info, 5);
    if (OpenProcess(number(info, 2), text(info, 3), relay->process) != 0) relay->process.reset();
    const bool started = host::start_thread([outbox = outbox_, id, relay] {
      const host::RelayResult done = host::relay_ready(*relay);
      outbox->post({id, host::EventType::done, done.ready ? 1 : 0, -done.error});
    });
    if (!started) post_({id, host::EventType::done, 0, -EAGAIN});
    return info.Env().Undefined();
  }

  // removeDirectories(id, paths) -> done: a errno of the first that stays, or 0; data its path.
  Napi::Value RemoveDirectories(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    workers_->run([post = post_, id, paths = texts_of(info[1])] {
      host::Event event{id, host::EventType::done};
      for (const auto& path : paths) {
        int error = host::remove_directory(path.c_str());
        if (error != 0 && event.a == 0) {
          event.a = error;
          event.data = path;
        }
      }
      post(std::move(event));
    });
    return info.Env().Undefined();
  }

  // removeContainer(id, cgroups, directory, lock) -> done: a errno of what stays, or 0; then the lock is closed. Nothing of
  // the directory is touched before the cgroups are gone.
  Napi::Value RemoveContainer(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    locks_.erase(number(info, 3));  // held again (holdLock) by who learns that something stays
    workers_->run([post = post_, id, cgroups = texts_of(info[1]), directory = text(info, 2), lock = number(info, 3)] {
      int error = 0;
      for (const auto& path : cgroups) {
        const int refused = host::remove_directory(path.c_str());
        if (error == 0) error = refused;
      }
      if (error == 0) error = CALL(unlinkat, AT_FDCWD, (directory + "/state.json").c_str(), 0).error();
      if (error == 0) error = host::remove_directory(directory.c_str());
      post({id, host::EventType::done, error});
      // The end of a file that has no name any more is not waited for: that of the directory takes its time.
      if (error == 0) CALL(close, lock);
    });
    return info.Env().Undefined();
  }

  // lock(directory): descriptor that holds an exclusive flock, or -EAGAIN.
  Napi::Value Lock(const Napi::CallbackInfo& info) {
    const long taken = TakeLock(text(info, 0), LOCK_EX | LOCK_NB);
    if (taken >= 0) locks_.insert(static_cast<int>(taken));
    return result(info, taken);
  }

  // holdLock(fd): one that came from lockWait. A lock is open until `close`, or until the environment ends: JavaScript that
  // is terminated in between runs no `finally`, and the container would be locked for as long as the process lives.
  Napi::Value HoldLock(const Napi::CallbackInfo& info) {
    locks_.insert(number(info, 0));
    return info.Env().Undefined();
  }

  // lockWait(id, directory) -> done: a is what lock would have given.
  Napi::Value LockWait(const Napi::CallbackInfo& info) {
    const u32 id = static_cast<u32>(number(info, 0));
    const bool started = host::start_thread([outbox = outbox_, id, path = text(info, 1)] {
      outbox->post({id, host::EventType::done, static_cast<i32>(TakeLock(path, LOCK_EX)), 0, {}, {}, true});
    });
    if (!started) post_({id, host::EventType::done, -EAGAIN});
    return info.Env().Undefined();
  }

  static long TakeLock(const std::string& path, int how) {
    Fd directory;
    Status opened = directory.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (!opened.ok()) return -opened.error;
    sys::Call locked{};
    do {
      locked = CALL(flock, directory.get(), how);
    } while (locked.error() == EINTR);
    if (locked.failed()) return -locked.error();
    kernel::Stat status{};
    CALL(fstat, directory.get(), &status);
    return status.nlink == 0 ? -ENOENT : directory.release();  // removed while we waited
  }

  Napi::Value MakeFifo(const Napi::CallbackInfo& info) {
    std::string path = text(info, 0);
    if (mkfifo(path.c_str(), 0600) != 0) return checked(info, -1);
    return checked(info, chmod(path.c_str(), static_cast<mode_t>(number(info, 1))));  // the mode, whatever the umask
  }

  // pipe(): [read end, write end], close-on-exec
  Napi::Value Pipe(const Napi::CallbackInfo& info) {
    int ends[2] = {-1, -1};
    sys::Call made = CALL(pipe2, ends, O_CLOEXEC);
    auto pair = Napi::Array::New(info.Env(), 2);
    pair.Set(0u, made.failed() ? -made.error() : ends[0]);
    pair.Set(1u, ends[1]);
    return pair;
  }

  // close(fd): of a descriptor that came from here; a worker thread of Node takes fs.closeSync of one for a mistake.
  Napi::Value Close(const Napi::CallbackInfo& info) {
    locks_.erase(number(info, 0));
    return result(info, -CALL(close, number(info, 0)).error());
  }

  // connect(path): a stream socket connected to a UNIX address; -EAGAIN when its listener has no room now
  Napi::Value Connect(const Napi::CallbackInfo& info) {
    std::string path = text(info, 0);
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) return result(info, -ENAMETOOLONG);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return checked(info, -1);
    }
    CALL(fcntl, fd.get(), F_SETFL, 0);
    return result(info, fd.release());
  }

  // sendDescriptor(socket, data, descriptor): one message, never blocking: what does not fit into a fresh socket is an error
  Napi::Value SendDescriptor(const Napi::CallbackInfo& info) {
    std::string data = text(info, 1);
    struct {
      kernel::ControlHeader header;
      int fd;
      int pad;
    } control{{sizeof(kernel::ControlHeader) + 4, SOL_SOCKET, SCM_RIGHTS}, number(info, 2), 0};
    kernel::Vector vector{data.data(), data.size()};
    kernel::Message message{nullptr, 0, 0, &vector, 1, &control, sizeof control, 0, 0};
    sys::Call sent = CALL(sendmsg, number(info, 0), &message, kernel::kMessageNoSignal | MSG_DONTWAIT);
    if (sent.failed()) return result(info, -sent.error());
    return result(info, static_cast<size_t>(sent.value) == data.size() ? 0 : -EMSGSIZE);
  }

  // descriptorFlags(fd): F_GETFD; tells whether it is open
  Napi::Value DescriptorFlags(const Napi::CallbackInfo& info) {
    sys::Call flags = CALL(fcntl, number(info, 0), F_GETFD);
    return result(info, flags.failed() ? -flags.error() : flags.value);
  }

  // openRoot(pid, startTime): O_PATH descriptor of the root directory of that very process.
  Napi::Value OpenRoot(const Napi::CallbackInfo& info) {
    const i32 pid = number(info, 0);
    const std::string start = text(info, 1), path = "/proc/" + std::to_string(pid) + "/root";
    Fd pidfd, root;
    if (int error = OpenProcess(pid, start, pidfd); error != 0) return result(info, -error);
    Status opened = root.take(CALL(openat, AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
    if (!opened.ok()) return result(info, -opened.error);
    // The process could have ended, and another one have got its pid, before the path was resolved.
    if (host::start_time(pid) != start) return result(info, -ESRCH);
    return result(info, root.release());
  }

  // openInside(id, root, path, flags) -> done: a descriptor or -errno. On a thread of its own: a file system that a
  // container serves itself may let it wait for as long as it likes.
  Napi::Value OpenInside(const Napi::CallbackInfo& info) {
    auto root = std::make_shared<Fd>();
    Status copied = root->take(CALL(fcntl, number(info, 1), F_DUPFD_CLOEXEC, 0));
    const u32 id = static_cast<u32>(number(info, 0));
    if (!copied.ok()) {
      outbox_->post({id, host::EventType::done, -copied.error});
      return info.Env().Undefined();
    }
    const auto open = [outbox = outbox_, id, root, path = text(info, 2), flags = static_cast<u64>(number(info, 3))] {
      Fd found;
      Status opened = open_in_root(*root, Text(path.data(), static_cast<u32>(path.size())), flags, found);
      outbox->post({id, host::EventType::done, opened.ok() ? found.release() : -opened.error, 0, {}, {}, opened.ok()});
    };
    if (!host::start_thread(open)) post_({id, host::EventType::done, -EAGAIN});
    return info.Env().Undefined();
  }

  // createEntry(id, directory, name, kind, target, uid, gid) -> done: a descriptor (of a file), 0, or -errno.
  Napi::Value CreateEntry(const Napi::CallbackInfo& info) {
    auto entry = std::make_shared<host::NewEntry>();
    const u32 id = static_cast<u32>(number(info, 0));
    Status copied = entry->directory.take(CALL(fcntl, number(info, 1), F_DUPFD_CLOEXEC, 0));
    if (!copied.ok()) {
      outbox_->post({id, host::EventType::done, -copied.error});
      return info.Env().Undefined();
    }
    entry->name = bytes_of(info[2]);
    entry->kind = static_cast<host::EntryKind>(number(info, 3));
    entry->target = bytes_of(info[4]);
    entry->uid = info[5].As<Napi::Number>().Int64Value();
    entry->gid = info[6].As<Napi::Number>().Int64Value();
    const bool started = host::start_thread([outbox = outbox_, id, entry] {
      Fd file;
      const int error = host::create_entry(*entry, file);
      const bool open = error == 0 && file.valid();
      outbox->post({id, host::EventType::done, open ? file.release() : -error, 0, {}, {}, open});
    });
    if (!started) post_({id, host::EventType::done, -EAGAIN});
    return info.Env().Undefined();
  }

  // pendingBytes(fd): how much is in a pipe
  Napi::Value PendingBytes(const Napi::CallbackInfo& info) {
    int size = 0;
    sys::Call asked = CALL(ioctl, number(info, 0), FIONREAD, &size);
    return result(info, asked.failed() ? -asked.error() : size);
  }

  Napi::Value SetWindowSize(const Napi::CallbackInfo& info) {
    kernel::WindowSize size{static_cast<u16>(number(info, 1)), static_cast<u16>(number(info, 2)), 0, 0};
    return checked(info, ioctl(number(info, 0), TIOCSWINSZ, &size));
  }

  std::shared_ptr<Outbox> outbox_;
  host::Post post_;
  std::promise<std::string> init_plan_;
  bool plan_awaited_ = false;
  std::unique_ptr<host::Reactor> reactor_;
  std::unique_ptr<host::Workers> workers_;
  std::unordered_set<int> locks_;  // JavaScript thread only
  std::shared_ptr<host::Networks> networks_ = std::make_shared<host::Networks>();
};

}  // namespace

NODE_API_ADDON(Addon)
