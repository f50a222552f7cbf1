// The host's part of a start under libFuzzer: what executes the host's plan, and the reactor that reads what init says, as
// they are, on a kernel that is made of the input. Nothing leaves the process. Built by fuzz/run.mjs.
//
// Whatever the plan is and the kernel answers: each descriptor is closed once and not used afterwards, nobody waits for a
// process that was not ended, each process is reaped, and the end of one that was told of is told.
//
//   input: the mode, the host's plan, the plan of the state, what init says (each with a u16 for its size), answers

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "fuzz/input.h"
#include "host/cgroup.h"
#include "host/command.h"
#include "host/image.h"
#include "host/spawn.h"
#include "host/thread.h"
#include "plan/format.h"
#include "sys/kernel.h"

namespace {

enum Mode : u8 { kGo = 1, kHasState = 2, kPlanLate = 4, kPrepareFirst = 8, kCgroupsOnly = 16, kWatched = 32, kAhead = 64, kNoPlan = 128 };

constexpr u32 kId = 7;
constexpr int kFirstDescriptor = 100, kFirstPid = 1000, kImage = 50;
constexpr i32 kForkedPid = 7000;  // of the process whose pidfd comes with a frame: that of the seeds
constexpr int kForgedIndex = 4711;  // of an interface that the kernel does not tell of
constexpr int kDirectoryDepth = 3;
constexpr u32 kRounds = 200;  // of the reactor

#define MUST(condition, what)                                   \
  do {                                                          \
    if (!(condition)) fprintf(stderr, "host: %s\n", what), abort(); \
  } while (0)

enum class Kind { file, stat, channel, process, epoll, netlink, listener };

struct Process {
  bool ended = false, reaped = false;
};

struct Descriptor {
  Kind kind = Kind::file;
  i32 pid = 0;
  u32 sequence = 0;  // of the last request over netlink
};

struct Watched {
  u64 key;
  bool told = false;  // EPOLLET
};

struct FakeKernel {
  Bytes words, answers;  // what init says; everything else
  jmp_buf over;
  bool last_round = false;  // no more errors: what is still there comes to its end
  u32 rounds = 0, last_rounds = 0;
  int next_descriptor = kFirstDescriptor, next_pid = kFirstPid, depth = 0;
  std::map<int, Descriptor> descriptors;
  std::map<i32, Process> processes;
  std::map<int, Watched> watched;
  std::vector<std::function<void()>> threads, tasks;
  bool keeps_threads = false;

  bool refuses() { return !last_round && answers.next() >= 0xf0; }

  int open(Kind kind, i32 pid = 0) {
    descriptors[next_descriptor] = {kind, pid, 0};
    return next_descriptor++;
  }
  long close(int fd) {
    MUST(descriptors.erase(fd) == 1, "a descriptor is closed twice");
    watched.erase(fd);
    return 0;
  }
  // nullptr for what is none of ours: EBADF.
  Descriptor* at(long fd) {
    if (fd < kFirstDescriptor) return nullptr;
    auto found = descriptors.find(static_cast<int>(fd));
    MUST(found != descriptors.end(), "a descriptor is used after it was closed");
    return &found->second;
  }

  long open_path(const char* path) {
    const std::string name = path;
    const bool stat = name.rfind("/proc/", 0) == 0 && name.size() > 5 && name.compare(name.size() - 5, 5, "/stat") == 0;
    return open(stat ? Kind::stat : Kind::file);
  }

  long read(long fd, void* into, u64 size) {
    Descriptor* from = at(fd);
    if (from == nullptr) return -EBADF;
    if (from->kind == Kind::listener) return 0;
    if (from->kind != Kind::stat || answers.next() >= 0xe0) return static_cast<long>(answers.copy(into, answers.next() % (size + 1)));
    constexpr char kStat[] = "1000 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n";
    memcpy(into, kStat, sizeof kStat - 1);
    return sizeof kStat - 1;
  }

  long clone(const clone_args& how) {
    if ((how.flags & CLONE_INTO_CGROUP) != 0 && at(static_cast<int>(how.cgroup)) == nullptr) return -EBADF;
    const i32 pid = next_pid++;
    processes[pid];
    *reinterpret_cast<int*>(how.pidfd) = open(Kind::process, pid);
    return pid;
  }

  long end(i32 pid) {
    auto found = processes.find(pid);
    if (found == processes.end() || found->second.reaped) return -ESRCH;
    found->second.ended = true;
    return 0;
  }

  long wait(i32 pid, siginfo_t* info, long how) {
    auto found = processes.find(pid);
    if (found == processes.end() || found->second.reaped) return -ECHILD;
    Process& process = found->second;
    const bool traced = !last_round && (how & WNOHANG) != 0 && answers.next() >= 0xf0;
    if (info != nullptr) info->si_pid = 0;
    if (!process.ended || traced) {
      MUST((how & WNOHANG) != 0, "a wait for a process that does not end");
      return 0;
    }
    if ((how & WNOWAIT) == 0) process.reaped = true;
    if (info == nullptr) return 0;
    info->si_pid = pid;
    info->si_code = answers.next() % 2 == 0 ? CLD_EXITED : CLD_KILLED;
    info->si_status = answers.next();
    return 0;
  }

  // Frames, in pieces of any size, and descriptors that come with them.
  long receive(long fd, kernel::Message& message) {
    Descriptor* from = at(fd);
    if (from == nullptr) return -EBADF;
    if (from->kind != Kind::channel) return -ENOTSOCK;
    if (refuses()) return answers.error();
    const u8 answer = answers.next();
    const u64 room = message.vectors[0].length, wanted = answer >= 0xc0 ? answer - 0xbf : room;
    const u64 size = words.copy(message.vectors[0].base, wanted < room ? wanted : room);
    auto* header = static_cast<kernel::ControlHeader*>(message.control);
    if (size == 0 || answer % 4 != 1) {
      message.control_length = 0;
      return static_cast<long>(size);
    }
    processes[kForkedPid];
    const int passed = open(Kind::process, kForkedPid);
    *header = {sizeof *header + sizeof passed, 1, 1};
    memcpy(header + 1, &passed, sizeof passed);
    message.control_length = header->length;
    return static_cast<long>(size);
  }

  // Messages of any kind, whole or not, of the kernel or of somebody else; past the end of the input an interface, and that this
  // was all.
  long receive_route(const Descriptor& socket, u8* into, sockaddr_nl& sender) {
    constexpr u16 kTypes[] = {RTM_NEWLINK, RTM_NEWADDR, NLMSG_DONE, NLMSG_ERROR};
    const bool over = last_round || answers.left() == 0, forged = !over && answers.next() >= 0xe0;
    sender.nl_pid = forged ? 4711 : 0;
    u64 at = 0;
    for (int count = over || forged ? 2 : 1 + answers.next() % 4; count > 0; count--) {
      const u8 how = over ? 0 : answers.next();
      nlmsghdr header{0, over || forged ? kTypes[count == 2 ? 0 : 3] : kTypes[how % 4], 0, socket.sequence, 0};
      u8 body[256]{};
      u64 size = sizeof(ifinfomsg);
      if (over || forged) {
        if (count == 2) reinterpret_cast<ifinfomsg*>(body)->ifi_index = forged ? kForgedIndex : 2;
      } else {
        size = answers.copy(body, answers.next());
      }
      header.nlmsg_len = static_cast<u32>(sizeof header + size);
      if ((how & 0x40) != 0) header.nlmsg_seq = answers.next();
      if ((how & 0xa0) == 0xa0) (void)answers.copy(&header.nlmsg_len, sizeof header.nlmsg_len);
      memcpy(into + at, &header, sizeof header);
      memcpy(into + at + sizeof header, body, size);
      at += (how & 0x90) == 0x90 ? sizeof header + size : NLMSG_ALIGN(sizeof header + size);
    }
    return static_cast<long>(at);
  }

  long send_route(Descriptor& socket, const u8* request) {
    nlmsghdr header;
    memcpy(&header, request, sizeof header);
    socket.sequence = header.nlmsg_seq;
    ifinfomsg link{};
    if (header.nlmsg_type == RTM_NEWLINK) memcpy(&link, request + sizeof header, sizeof link);
    MUST(link.ifi_index != kForgedIndex, "an answer of somebody else is taken for the kernel's");
    return header.nlmsg_len;
  }

  long bpf(int command, bpf_attr& attributes) {
    switch (command) {
      case BPF_PROG_QUERY: {
        (void)at(static_cast<int>(attributes.query.target_fd));
        const u32 count = answers.next() % (attributes.query.prog_cnt + 1);
        auto* ids = reinterpret_cast<u32*>(attributes.query.prog_ids);
        for (u32 i = 0; i < count; i++) ids[i] = i + 1;
        attributes.query.prog_cnt = count;
        return 0;
      }
      case BPF_PROG_ATTACH:
      case BPF_PROG_DETACH:
        (void)at(static_cast<int>(attributes.target_fd));
        (void)at(static_cast<int>(attributes.attach_bpf_fd));
        return 0;
      default: return open(Kind::file);
    }
  }

  long watch(long operation, long fd, const epoll_event& event) {
    if (at(fd) == nullptr) return -EBADF;
    if (operation == EPOLL_CTL_ADD && refuses()) return -ENOSPC;
    watched[static_cast<int>(fd)] = {event.data.u64};
    return 0;
  }

  bool has_news(int fd, const Watched& one) {
    const Descriptor& what = descriptors[fd];
    if (what.kind == Kind::channel) return true;
    if (what.kind == Kind::listener) return !last_round || !one.told;
    if (what.kind != Kind::process) return false;
    if (!last_round && answers.next() >= 0xc0) (void)end(what.pid);
    return processes[what.pid].ended && (!one.told || last_round);
  }

  // All that has news, and in the end a last time all that is watched.
  long poll(epoll_event* events, long room) {
    if (last_round && ++last_rounds > kRounds) longjmp(over, 1);
    if (++rounds > kRounds || answers.left() == 0) {
      if (!last_round) for (auto& [pid, process] : processes) process.ended = true;
      last_round = true;
    } else if (refuses()) {
      return -EINTR;
    }
    long count = 0;
    for (auto& [fd, one] : watched) {
      if (count == room || !has_news(fd, one)) continue;
      const bool gone = descriptors[fd].kind == Kind::listener && last_round;
      events[count].events = gone ? EPOLLHUP : EPOLLIN;
      events[count++].data.u64 = one.key;
      one.told = true;
    }
    if (count == 0 && last_round) longjmp(over, 1);
    return count;
  }

  long call(long number, long a, long b, long c, long d, long e) {
    switch (number) {
      case __NR_close: return close(static_cast<int>(a));
      case __NR_epoll_pwait: return poll(reinterpret_cast<epoll_event*>(b), c);
      case __NR_epoll_ctl: return watch(b, c, *reinterpret_cast<epoll_event*>(d));
      case __NR_ppoll:
        for (long i = 0; i < b; i++) reinterpret_cast<pollfd*>(a)[i].revents = POLLIN;
        return b;
      case __NR_rt_sigprocmask: return 0;
      case __NR_kill: return end(static_cast<i32>(a));
      case __NR_pidfd_send_signal: {
        Descriptor* whom = at(a);
        return whom == nullptr ? -EBADF : b == SIGKILL ? end(whom->pid) : 0;
      }
      case __NR_waitid: {
        if (refuses() && (d & WNOHANG) == 0) return -EINTR;
        Descriptor* whom = a == P_PID ? nullptr : at(b);
        if (a != P_PID && whom == nullptr) return -EBADF;
        return wait(whom == nullptr ? static_cast<i32>(b) : whom->pid, reinterpret_cast<siginfo_t*>(c), d);
      }
      case __NR_recvmsg: return receive(a, *reinterpret_cast<kernel::Message*>(b));
    }
    if (refuses()) return answers.error();
    switch (number) {
      case __NR_clone3: return clone(*reinterpret_cast<clone_args*>(a));
      case __NR_openat:
      case __NR_open_tree: return open_path(reinterpret_cast<const char*>(b));
      case __NR_epoll_create1: return open(Kind::epoll);
      case __NR_eventfd2: return open(Kind::file);
      case __NR_socket: return open(Kind::netlink);
      case __NR_fcntl: {
        Descriptor* old = at(a);
        return old == nullptr ? -EBADF : b == F_DUPFD_CLOEXEC ? open(old->kind, old->pid) : 0;
      }
      case __NR_socketpair: {
        int* ends = reinterpret_cast<int*>(d);
        ends[0] = open(Kind::channel);
        ends[1] = open(Kind::channel);
        return 0;
      }
      case __NR_read: return read(a, reinterpret_cast<void*>(b), static_cast<u64>(c));
      case __NR_recvfrom: {
        Descriptor* socket = at(a);
        return socket == nullptr ? -EBADF : receive_route(*socket, reinterpret_cast<u8*>(b), *reinterpret_cast<sockaddr_nl*>(e));
      }
      case __NR_bpf: return bpf(static_cast<int>(a), *reinterpret_cast<bpf_attr*>(b));
      case __NR_write:
      case __NR_pwrite64:
      case __NR_sendto: {
        Descriptor* what = at(a);
        if (what == nullptr) return -EBADF;
        if (what->kind == Kind::netlink) return send_route(*what, reinterpret_cast<u8*>(b));
        const u8 answer = answers.next();  // all of it, or less
        return answer < 0x80 || c == 0 ? c : 1 + answer % c;
      }
      case __NR_sendmsg: {
        if (at(a) == nullptr) return -EBADF;
        const auto& message = *reinterpret_cast<kernel::Message*>(b);
        return static_cast<long>(message.vectors[0].length);
      }
      case __NR_ioctl: {
        Descriptor* what = at(a);
        if (what == nullptr) return -EBADF;
        if (what->kind == Kind::listener) return answers.copy(reinterpret_cast<void*>(c), answers.next() % sizeof(seccomp_notif)), 0;
        if (what->kind == Kind::process) return -ENOTTY;
        return answers.next() < 0x80 ? CLONE_NEWNET : 0;
      }
      default: return 0;
    }
  }
};

FakeKernel* current = nullptr;

}  // namespace

long sys::raw(long number, long a, long b, long c, long d, long e, long) { return current->call(number, a, b, c, d, e); }

// The directories of cgroups: a few names each, to a depth. The sources are compiled with these names.
extern "C" {
DIR* fuzz_opendir(const char*) {
  if (current->refuses()) {
    errno = static_cast<int>(-current->answers.error());
    return nullptr;
  }
  current->depth++;
  return reinterpret_cast<DIR*>(current);
}
dirent* fuzz_readdir(DIR*) {
  static dirent entry{};
  const u8 answer = current->answers.next();
  if (answer < 0x80 || current->depth > kDirectoryDepth) return nullptr;
  entry.d_type = answer % 2 == 0 ? DT_DIR : DT_REG;
  snprintf(entry.d_name, sizeof entry.d_name, "%u", answer);
  return &entry;
}
int fuzz_closedir(DIR*) { return current->depth--; }
}

namespace host {

// Parts of the host that are not looked at here.
Status open_image(Image& image) {
  image.fd = kImage;
  return {};
}
void forget_image(const Image&) {}

CommandResult run_command(const Command&) {
  CommandResult result;
  const u8 answer = current->answers.next();
  if (answer >= 0xf0) result.error = static_cast<int>(-current->answers.error());
  else result.code = answer < 0x80 ? 0 : 1;
  result.timed_out = answer == 0xef;
  return result;
}

// The reactor's loop is run later; whoever waits for a thread finds that its work is done.
bool start_thread(std::function<void()> work, pthread_t* joinable) {
  if (current->keeps_threads || joinable == nullptr) {
    current->threads.push_back(std::move(work));
    return false;
  }
  work();
  return pthread_create(joinable, nullptr, [](void*) -> void* { return nullptr; }, nullptr) == 0;
}

void Workers::run(std::function<void()> task) { current->tasks.push_back(std::move(task)); }
Workers::~Workers() = default;
void BareMounts::run(std::function<void(const Status&)> work) {
  current->tasks.push_back([work = std::move(work)] { work(current->refuses() ? failure(EPERM, "setns", "mnt") : Status{}); });
}

}  // namespace host

namespace {

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.at), bytes.left()}; }

// Begun ahead as the plan wants it.
std::shared_ptr<host::InitClone> clone_for(Bytes plan, host::BareMounts& mounts) {
  plan::Operations operations(plan.at, static_cast<u32>(plan.left()));
  plan::Item item;
  u64 flags = 0;
  bool bare = false;
  while (operations.next(item)) {
    if (item.operation != Operation::clone) continue;
    flags = item.arguments.number64();
    item.arguments.text();
    bare = item.arguments.number() != 0;
  }
  return std::make_shared<host::InitClone>(flags, bare ? &mounts : nullptr);
}

struct Told {
  u32 spawned = 0, failed = 0, exited = 0, closed = 0;
};

void start(FakeKernel& fake, u8 mode, Bytes plan, Bytes state) {
  Told told;
  auto post = [&](const host::Event& event) {
    MUST(event.id == kId, "an event of nobody");
    told.spawned += event.type == host::EventType::spawned;
    told.failed += event.type == host::EventType::failed;
    told.exited += event.type == host::EventType::exited;
    told.closed += event.type == host::EventType::closed;
    if (event.owned && event.a >= 0) fake.close(event.a);
  };
  fake.keeps_threads = true;
  host::Reactor reactor(post);
  fake.keeps_threads = false;
  if (fake.threads.empty()) return;  // no epoll: Runtime says so, and nothing is started
  std::function<void()> loop = std::move(fake.threads[0]);
  fake.threads.clear();

  std::promise<std::string> init_plan;
  init_plan.set_value((mode & kNoPlan) != 0 ? "" : std::string((mode & kPlanLate) != 0 ? 100000 : 100, 'p'));
  host::SpawnRequest request{kId, text_of(plan), {}, init_plan.get_future().share(), {}, (mode & kGo) != 0};
  if ((mode & kHasState) != 0) request.state = text_of(state);
  for (int i = 0; i < 3; i++) request.descriptors.emplace_back(fake.open(Kind::file));

  host::Workers workers(1);
  host::BareMounts bare;
  request.bare = &bare;
  if ((mode & kAhead) != 0) {
    request.ahead = clone_for(plan, bare);
    host::InitClone::begin(request.ahead, workers);
  }
  host::spawn(workers, reactor, post, std::move(request));
  if ((mode & kPrepareFirst) != 0) std::reverse(fake.tasks.begin(), fake.tasks.end());
  for (size_t i = 0; i < fake.tasks.size(); i++) std::function<void()>(std::move(fake.tasks[i]))();
  fake.tasks.clear();
  MUST(told.spawned + told.failed == 1, "a start that neither began nor failed");
  const bool spawned = told.spawned == 1;
  if ((mode & kWatched) != 0) {
    (void)reactor.watch_notification(kId, Fd(fake.open(Kind::listener)), EPOLLIN, true);
    (void)reactor.signal(kId, SIGTERM);
    (void)reactor.send(kId);
    (void)reactor.send_plan(kId, kFirstPid, "plan", {});
  }
  if (setjmp(fake.over) == 0) loop();
  MUST(told.exited == spawned && told.closed == spawned, "an end that is not told once");
}

void run_plan(FakeKernel& fake, Bytes input) {
  const u8 mode = input.next();
  Bytes plan = input.part(), state = input.part();
  fake.words = input.part();
  fake.answers = input;
  if ((mode & kCgroupsOnly) != 0) {
    (void)host::prepare_cgroup(text_of(plan));
  } else {
    start(fake, mode, plan, state);
  }
  for (auto& thread : fake.threads) thread();
  MUST(fake.descriptors.empty(), "a descriptor is left");
  for (const auto& [pid, process] : fake.processes) MUST(process.reaped || pid == kForkedPid, "a process is left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
  FakeKernel fake;
  current = &fake;
  run_plan(fake, {data, data + size});
  return 0;
}
