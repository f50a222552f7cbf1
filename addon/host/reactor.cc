// See reactor.h. The loop runs on one thread for the whole environment; the processes are reaped here and nowhere else,
// through their pidfd (libuv waits for its own children only).

#include "host/reactor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

#include <memory>
#include <vector>

#include "host/cgroup.h"
#include "host/channel.h"
#include "host/identity.h"
#include "host/outcome.h"
#include "host/thread.h"
#include "host/trapped.h"
#include "plan/format.h"
#include "sys/kernel.h"

namespace host {
namespace {

enum Kind : u64 { kChannel = 0, kProcess = 1, kFormer = 2, kNotification = 3 };
constexpr u64 key_of(u32 id, Kind kind) { return (static_cast<u64>(id) << 2) | kind; }
constexpr u64 kWakeKey = ~0ul;
constexpr u32 kProcessEvents = EPOLLIN | EPOLLET;

// Linux 6.15 keeps the exit status of a process that somebody else reaped: ioctl(PIDFD_GET_INFO) on its pidfd.
bool status_from_info(int pidfd, int& status) {
  struct {
    u64 mask, cgroup;
    u32 ids[11];
    i32 exit_code;
  } info{1u << 3 /* PIDFD_INFO_EXIT */, 0, {}, 0};
  if (CALL(ioctl, pidfd, 0xC040FF0Bu, &info).failed() || (info.mask & (1u << 3)) == 0) return false;
  status = info.exit_code;
  return true;
}

// On a thread of its own, as long as one of them lives. Nobody asks how they end.
void reap(std::vector<Fd> orphans) {
  if (orphans.empty()) return;
  auto left = std::make_shared<std::vector<Fd>>(std::move(orphans));
  (void)start_thread([left] {
    while (!left->empty()) {
      std::vector<pollfd> wanted;
      for (const Fd& one : *left) wanted.push_back({one.get(), POLLIN, 0});
      sys::Call ready = CALL(ppoll, wanted.data(), wanted.size(), nullptr, nullptr, 0);
      if (ready.failed() && ready.error() != EINTR) return;
      for (size_t i = wanted.size(); i-- > 0;) {
        if (wanted[i].revents == 0) continue;
        siginfo_t info{};
        CALL(waitid, kernel::kPidfdWait, wanted[i].fd, &info, WEXITED | WNOHANG, nullptr);
        left->erase(left->begin() + static_cast<long>(i));
      }
    }
  });
}

std::string beginning_of(const char* path) {
  Fd file;
  if (!file.take(CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)).ok()) return {};
  char buffer[1024];
  const sys::Call got = CALL(read, file.get(), buffer, sizeof buffer);
  return got.failed() ? std::string() : std::string(buffer, static_cast<size_t>(got.value));
}

bool is_child(int pidfd) {
  siginfo_t info{};
  return !CALL(waitid, kernel::kPidfdWait, pidfd, &info, WEXITED | WNOHANG | WNOWAIT, nullptr).failed();
}

bool has_pid(int pidfd, i32 pid) {
  std::string text;
  return read_whole_file(("/proc/self/fdinfo/" + std::to_string(pidfd)).c_str(), text) == 0 &&
         text.find("\nPid:\t" + std::to_string(pid) + "\n") != std::string::npos;
}

void end_child(int pidfd) {
  siginfo_t info{};
  CALL(pidfd_send_signal, pidfd, kernel::kSigKill, nullptr, 0);
  CALL(waitid, kernel::kPidfdWait, pidfd, &info, WEXITED, nullptr);
}

Event closed(u32 id) {
  const u64 now = monotonic_time();
  return {id, EventType::closed, static_cast<i32>(static_cast<u32>(now)), static_cast<i32>(now >> 32)};
}

}  // namespace

Reactor::Reactor(Post post) : post_(std::move(post)) {
  (void)epoll_.take(CALL(epoll_create1, EPOLL_CLOEXEC));
  (void)wake_.take(CALL(eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
  running_ = epoll_.valid() && wake_.valid() && add(wake_.get(), kWakeKey).ok() && start_thread([this] { loop(); }, &thread_);
}

Reactor::~Reactor() {
  {
    std::lock_guard lock(guard_);
    ending_ = true;
  }
  const u64 one = 1;
  CALL(write, wake_.get(), &one, sizeof one);
  if (running_) pthread_join(thread_, nullptr);
  // The children of an environment that has ended (a worker thread of Node) are still this process's to reap.
  std::vector<Fd> orphans;
  for (auto& [id, watch] : watches_) {
    if (watch.reaps && watch.pidfd.valid()) orphans.push_back(std::move(watch.pidfd));
    if (watch.former.valid()) orphans.push_back(std::move(watch.former));
  }
  watches_.clear();
  reap(std::move(orphans));
}

// A process is told of once, and again whenever there is news: one that a tracer has not let go yet has ended, and cannot be
// reaped before that.
Status Reactor::add(int fd, u64 key) {
  epoll_event event{};
  event.events = (key & 3) == kProcess && key != kWakeKey ? kProcessEvents : EPOLLIN;
  event.data.u64 = key;
  return status_of(CALL(epoll_ctl, epoll_.get(), EPOLL_CTL_ADD, fd, &event));
}

Status Reactor::watch(u32 id, Fd channel, Fd pidfd, const Event* first, std::string counts) {
  std::lock_guard lock(guard_);
  if (channel.valid()) TRY(add_channel(id, std::move(channel)));
  if (pidfd.valid()) {
    if (Status added = add(pidfd.get(), key_of(id, kProcess)); !added.ok()) {
      watches_.erase(id);
      return added;
    }
    watches_[id].pidfd = std::move(pidfd);
  }
  watches_[id].counts = std::move(counts);
  watches_[id].reaps = first != nullptr;
  watches_[id].goes = first != nullptr && first->quiet;
  if (first != nullptr) post_(*first);  // the loop waits for the lock: nothing of it goes out before
  return {};
}

Status Reactor::add_channel(u32 id, Fd channel) {
  TRY(add(channel.get(), key_of(id, kChannel)));
  watches_[id].channel = std::move(channel);
  return {};
}

Status Reactor::open_channel(u32 id, const std::string& path) {
  std::lock_guard lock(guard_);
  Fd fifo;
  TRY(fifo.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0)));
  return add_channel(id, std::move(fifo));
}

Status Reactor::watch_notification(u32 id, Fd notification, u32 events, bool traps) {
  std::lock_guard lock(guard_);
  epoll_event event{};
  event.events = events;
  event.data.u64 = key_of(id, kNotification);
  TRY(CALL(epoll_ctl, epoll_.get(), EPOLL_CTL_ADD, notification.get(), &event));
  watches_[id].notification = std::move(notification);
  watches_[id].traps = traps;
  return {};
}

int Reactor::answer_call(u32 id, u64 call, i64 value, int error, u32 flags) {
  std::lock_guard lock(guard_);
  auto found = watches_.find(id);
  if (found == watches_.end() || !found->second.notification.valid()) return ENOENT;
  return host::answer_call(found->second.notification.get(), call, value, error, flags);
}

Fd Reactor::notification(u32 id) {
  std::lock_guard lock(guard_);
  Fd copy;
  auto found = watches_.find(id);
  if (found == watches_.end() || !found->second.notification.valid()) return copy;
  (void)copy.take(CALL(fcntl, found->second.notification.get(), F_DUPFD_CLOEXEC, 0));
  return copy;
}

int Reactor::send(u32 id) {
  std::lock_guard lock(guard_);
  auto found = watches_.find(id);
  if (found == watches_.end() || !found->second.channel.valid()) return EPIPE;
  sys::Call sent{};
  do {
    sent = CALL(sendto, found->second.channel.get(), "g", 1, kernel::kMessageNoSignal, nullptr, 0);
  } while (sent.error() == EINTR);
  return sent.error();
}

Status Reactor::send_plan(u32 id, i32 pid, const std::string& plan, const std::vector<Fd>& descriptors) {
  Fd channel;
  {
    std::lock_guard lock(guard_);
    auto found = watches_.find(id);
    if (found == watches_.end() || !found->second.channel.valid()) return failure(EPIPE, "sendto", "init");
    TRY(channel.take(CALL(fcntl, found->second.channel.get(), F_DUPFD_CLOEXEC, 0), "init"));
  }
  return host::send_plan(channel.get(), pid, plan, descriptors);
}

int Reactor::signal(u32 id, int signal) {
  std::lock_guard lock(guard_);
  auto found = watches_.find(id);
  if (found == watches_.end() || !found->second.pidfd.valid()) return ESRCH;
  return CALL(pidfd_send_signal, found->second.pidfd.get(), signal, nullptr, 0).error();
}

void Reactor::forget(u32 id) {
  std::lock_guard lock(guard_);
  watches_.erase(id);
}

void Reactor::loop() {
  epoll_event events[64];
  for (;;) {
    const long count = CALL(epoll_pwait, epoll_.get(), events, 64, -1, nullptr, 0).value;
    std::lock_guard lock(guard_);
    if (ending_) return;
    for (long i = 0; i < count; i++) {
      if (events[i].data.u64 == kWakeKey) continue;
      const u32 id = static_cast<u32>(events[i].data.u64 >> 2);
      auto found = watches_.find(id);  // forgotten meanwhile?
      if (found == watches_.end()) continue;
      Watch& watch = found->second;
      switch (events[i].data.u64 & 3) {
        case kChannel: read_channel(id, watch); break;
        case kProcess: process_ended(id, watch); break;
        case kNotification: notified(id, watch, events[i].events); break;
        default: former_ended(watch);
      }
      const bool over = !watch.channel.valid() && !watch.pidfd.valid() && !watch.former.valid();
      if (over && !watch.notification.valid()) watches_.erase(found);
    }
  }
}

// A socket from the host that spawned, or the FIFO of start: recvmsg for the first, whose frames carry descriptors.
void Reactor::read_channel(u32 id, Watch& watch) {
  while (watch.channel.valid()) {
    char piece[plan::kMaximumFrame];
    alignas(8) char control[sizeof(kernel::ControlHeader) + 8];
    kernel::Vector vector{piece, sizeof piece};
    // Room for one descriptor: the kernel closes what comes besides.
    kernel::Message message{nullptr, 0, 0, &vector, 1, control, sizeof(kernel::ControlHeader) + 4, 0, 0};
    sys::Call got = CALL(recvmsg, watch.channel.get(), &message, kernel::kMessageCloseOnExec | 0x40 /* MSG_DONTWAIT */);
    if (got.error() == ENOTSOCK) {
      message.control_length = 0;
      got = CALL(read, watch.channel.get(), piece, sizeof piece);
    }
    if (got.error() == EAGAIN || got.error() == EINTR) return;
    if (got.value <= 0) {
      // ECONNRESET: its end, with words for it unread.
      if (got.failed() && got.error() != ECONNRESET) give_up(id, watch, status_of(got, "init"));
      watch.channel.reset();
      post_(closed(id));
      return;
    }
    auto* header = reinterpret_cast<kernel::ControlHeader*>(control);
    if (message.control_length >= sizeof *header && header->type == 1) {
      int passed = -1;
      __builtin_memcpy(&passed, control + sizeof *header, 4);
      watch.passed.reset(passed);
    }
    watch.input.append(piece, static_cast<size_t>(got.value));
    while (watch.input.size() >= sizeof(plan::Frame)) {
      plan::Frame next{};
      __builtin_memcpy(&next, watch.input.data(), sizeof next);
      if (next.size > plan::kMaximumFrame) {  // nothing of ours: treat the channel as broken
        watch.channel.reset();
        post_(closed(id));
        return;
      }
      if (watch.input.size() < sizeof next + next.size) break;
      std::string payload = watch.input.substr(sizeof next, next.size);
      watch.input.erase(0, sizeof next + next.size);
      frame(id, watch, static_cast<u32>(next.type), std::move(payload));
    }
  }
}

// What init has to say cannot be read: nobody would know any more what it does, or that it waits.
void Reactor::give_up(u32 id, const Watch& watch, const Status& status) {
  plan::Item item;
  item.operation = Operation::clone;
  Outcome outcome;
  outcome.fail(item, status);
  post_({id, EventType::failed, 0, 0, std::move(outcome.failure)});
  if (watch.reaps && watch.pidfd.valid()) CALL(pidfd_send_signal, watch.pidfd.get(), kernel::kSigKill, nullptr, 0);
}

void Reactor::frame(u32 id, Watch& watch, u32 type, std::string payload) {
  const auto kind = static_cast<plan::FrameType>(type);
  Fd passed;  // may have come together with a frame before the one it belongs to
  if (kind == plan::FrameType::console || kind == plan::FrameType::forked || kind == plan::FrameType::listener) {
    passed = std::move(watch.passed);
  }
  switch (kind) {
    case plan::FrameType::ready: post_({id, EventType::ready}); break;
    case plan::FrameType::created: post_({id, EventType::created, 0, 0, std::move(payload), {}, false, watch.goes}); break;
    case plan::FrameType::started: post_({id, EventType::started}); break;
    case plan::FrameType::failed: post_({id, EventType::failed, 0, 0, std::move(payload)}); break;
    case plan::FrameType::console: post_({id, EventType::console, passed.release(), 0, {}, {}, true}); break;
    case plan::FrameType::listener: post_({id, EventType::listener, passed.release(), 0, {}, {}, true}); break;
    case plan::FrameType::forked: forked(id, watch, payload, std::move(passed)); break;
  }
}

// Who has taken init over (SECURITY.md, CAP_SYS_PTRACE) can name any process of the host here: only a child of this process
// goes on in its place, one whose descriptor came along, and nothing is done to any other.
void Reactor::forked(u32 id, Watch& watch, const std::string& payload, Fd passed) {
  if (!watch.reaps) return;  // the FIFO of a start that somebody else has made
  i32 pid = 0;
  if (payload.size() == sizeof pid) __builtin_memcpy(&pid, payload.data(), sizeof pid);
  std::string started;
  const bool child = passed.valid() && is_child(passed.get());
  Status status = passed.valid() ? Status{} : failure(EMFILE, "recvmsg", "init");
  if (status.ok() && !(child && has_pid(passed.get(), pid))) status = failure(EPROTO, "recvmsg", "init");
  if (status.ok()) {
    if (const int error = read_start_time(pid, started); error != 0) status = failure(error, "read", "/proc/PID/stat");
  }
  if (status.ok()) status = add(passed.get(), key_of(id, kProcess));
  if (!status.ok()) {
    // What cannot be watched, or be known again, must not go on: init ends without its host.
    if (child) end_child(passed.get());
    give_up(id, watch, status);
    watch.input.clear();
    watch.channel.reset();
    return post_(closed(id));
  }
  // Under another key, so that its end is not taken for the end of the container.
  epoll_event event{};
  event.events = kProcessEvents;
  event.data.u64 = key_of(id, kFormer);
  CALL(epoll_ctl, epoll_.get(), EPOLL_CTL_MOD, watch.pidfd.get(), &event);
  watch.former = std::move(watch.pidfd);
  watch.pidfd = std::move(passed);
  post_({id, EventType::spawned, pid, 0, std::move(started)});
}

void Reactor::process_ended(u32 id, Watch& watch) {
  // Its end is known. The process that forked may have its descriptor too, and be told of once more when it is reaped.
  if (!watch.pidfd.valid()) return;
  read_channel(id, watch);  // its last words come before its end
  siginfo_t info{};
  // Whoever reaps it first is the only one to learn its status before Linux 6.15: it must not be a second watch.
  const int how = WEXITED | WNOHANG | (watch.reaps && reaping_ ? 0 : WNOWAIT);
  sys::Call waited = CALL(waitid, kernel::kPidfdWait, watch.pidfd.get(), &info, how, nullptr);
  if (!waited.failed() && info.si_pid == 0) return;  // a tracer has it: there will be news when it lets go
  // The first reading may have brought the process that goes on in the place of the one that forked: it has ended too, and
  // its last words are still to be read.
  read_channel(id, watch);
  // A process that Node is just forking may hold a copy of init's end for a moment: the end of the process is the end of
  // the channel all the same, and is told first.
  if (watch.channel.valid()) {
    watch.channel.reset();
    post_(closed(id));
  }
  Event event{id, EventType::exited, -1, 0};
  int status = 0;
  if (!waited.failed()) {
    if (info.si_code == CLD_EXITED) event.a = info.si_status;
    else event.b = info.si_status;
  } else if (status_from_info(watch.pidfd.get(), status)) {
    if (WIFEXITED(status)) event.a = WEXITSTATUS(status);
    else event.b = WTERMSIG(status);
  }
  if (!watch.counts.empty()) event.data = beginning_of(watch.counts.c_str());
  watch.pidfd.reset();
  if (!watch.former.valid()) return post_(std::move(event));
  // It may be on its way out still, or somebody may have stopped it: nothing of a process is there when its end is told.
  CALL(pidfd_send_signal, watch.former.get(), kernel::kSigKill, nullptr, 0);
  watch.exited = std::move(event);
}

void Reactor::former_ended(Watch& watch) {
  siginfo_t info{};
  sys::Call waited = CALL(waitid, kernel::kPidfdWait, watch.former.get(), &info, WEXITED | WNOHANG, nullptr);
  if (!waited.failed() && info.si_pid == 0) return;
  watch.former.reset();
  if (watch.exited) post_(*std::move(watch.exited));
}

u64 monotonic_time() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<u64>(now.tv_sec) * 1000000000 + static_cast<u64>(now.tv_nsec);
}

// A PSI trigger says EPOLLPRI, and there is nothing to read; when its cgroup is gone, EPOLLERR.
void Reactor::notified(u32 id, Watch& watch, u32 events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    watch.notification.reset();
    return post_({id, EventType::notified, 1});
  }
  if (watch.traps) {
    std::string call = receive_call(watch.notification.get());
    if (!call.empty()) post_({id, EventType::trapped, 0, 0, std::move(call)});
    return;
  }
  char buffer[4096];
  while ((events & EPOLLPRI) == 0 && CALL(read, watch.notification.get(), buffer, sizeof buffer).value > 0) {
  }
  post_({id, EventType::notified});
}

}  // namespace host
