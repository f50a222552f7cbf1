// See spawn.h. Runs on worker threads of the Node process: the operations before the clone (cgroups, descriptors) on one,
// the clone on another at the same time, unless the container is to be born inside its cgroup2.

#include "host/spawn.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <future>
#include <memory>

#include "host/cgroup.h"
#include "host/channel.h"
#include "host/clone.h"
#include "host/idmap.h"
#include "host/identity.h"
#include "host/image.h"
#include "host/mapped-tree.h"
#include "host/netdevice.h"
#include "host/outcome.h"
#include "host/resctrl.h"
#include "host/staged.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status malformed_plan() { return failure(EPROTO, "read", "plan"); }

// A config that names a namespace of another kind would otherwise be joined to the wrong thing.
Status open_descriptor(plan::Reader& arguments, Fd& out) {
  Text path = arguments.text();
  u32 flags = arguments.number(), type = arguments.number();
  if (!arguments.done()) return malformed_plan();
  TRY(out.take(CALL(openat, AT_FDCWD, path.data, flags | O_CLOEXEC, 0600), path));
  if (type == 0) return {};
  constexpr u32 kNamespaceType = 0xb703;  // NS_GET_NSTYPE
  sys::Call actual = CALL(ioctl, out.get(), kNamespaceType);
  return actual.value == static_cast<long>(type) ? Status{} : failure(EINVAL, "ioctl", path);
}

class Spawn {
 public:
  explicit Spawn(SpawnRequest request)
      : id(request.id), request_(std::move(request)), slots_(std::move(request_.descriptors)) {
    scan();
  }

  const u32 id;

  // Everything before the clone. Taken by whichever thread comes first.
  void prepare() {
    if (taken_.exchange(true)) return;
    times_.prepare = monotonic_time();
    stage();
    CgroupWriter writer;
    MappedUsers users;
    for (plan::Item item : before_) {
      if (!prepared_.ok) break;
      TextBuffer<1024> detail;
      Status status = prepare_one(item, writer, users, detail);
      if (!status.ok()) prepared_.fail(item, status, detail.text());
    }
    times_.prepared = monotonic_time();
    finished_.set_value();
  }

  [[nodiscard]] bool needs_cgroup_first() const { return !cgroup_.empty(); }

  void run(Reactor& reactor, const Post& post) {
    if (needs_cgroup_first()) prepare();
    Outcome outcome;
    if (needs_cgroup_first() && !prepared_.ok) outcome = prepared_;
    times_.clone = monotonic_time();
    if (outcome.ok) start(outcome);
    times_.cloned = monotonic_time();
    prepare();
    finished_.get_future().wait();
    // What failed there says more, and whose the cgroups are: the caller may not touch those of another container.
    if (!prepared_.ok) outcome = prepared_;
    times_.map = monotonic_time();
    if (outcome.ok) map(outcome);
    if (outcome.ok) adjust_oom(outcome);
    if (outcome.ok) move_devices(outcome);
    times_.mapped = monotonic_time();
    std::string started;  // without it nobody would know the process again
    if (outcome.ok) name_process(outcome, started);
    if (outcome.ok) send_plan(outcome);
    if (outcome.ok) {
      Event spawned{id, EventType::spawned, child_.pid, 0, started + times_.text()};
      spawned.quiet = request_.go;
      Fd pidfd;
      Status watched = pidfd.take(CALL(fcntl, child_.pidfd.get(), F_DUPFD_CLOEXEC, 0), "init");
      if (watched.ok()) watched = reactor.watch(id, std::move(control_), std::move(pidfd), &spawned);
      if (!watched.ok()) outcome.fail(clone_, watched);
    }
    // A copy that outlives the watch would keep it in the epoll set, which then says for ever that the process has ended.
    if (outcome.ok) {
      child_.pidfd.reset();
      if (request_.go) (void)reactor.send(id);  // when init is gone its events say why
      return;
    }
    abandon();
    net_devices_.restore();
    post({id, EventType::failed, 0, 0, outcome.failure});
  }

 private:
  void scan() {
    plan::Operations operations(reinterpret_cast<const u8*>(request_.host_plan.data()),
                                static_cast<u32>(request_.host_plan.size()));
    plan::Item item;
    while (operations.next(item)) {
      if (item.operation == Operation::clone) {
        clone_ = item;
        flags_ = item.arguments.number64();
        cgroup_ = item.arguments.text().data;
      } else if (item.operation == Operation::mapIds) {
        map_ = item;
      } else if (item.operation == Operation::adjustOomScore) {
        oom_ = item;
      } else if (item.operation == Operation::moveNetDevice) {
        devices_.push_back(item);
      } else {
        before_.push_back(item);
      }
    }
    valid_ = operations.complete() && clone_.operation == Operation::clone;
  }

  void stage() {
    if (request_.state.empty()) return;
    stage_.operation = Operation::stageState;
    if (request_.state.size() > plan::kMaximumSize) return prepared_.fail(stage_, failure(E2BIG, "write", "state"));
    plan::Operations operations(reinterpret_cast<const u8*>(request_.state.data()), static_cast<u32>(request_.state.size()));
    const bool found = operations.next(stage_) && stage_.operation == Operation::stageState;
    if (Status status = found ? staged_.write(stage_.arguments) : malformed_plan(); !status.ok()) prepared_.fail(stage_, status);
  }

  void name_process(Outcome& outcome, std::string& started) {
    if (int error = read_start_time(child_.pid, started); error != 0) {
      return outcome.fail(clone_, failure(error, "read", "/proc/PID/stat"));
    }
    if (Status status = staged_.name_process(child_.pid, started); !status.ok()) outcome.fail(stage_, status);
  }

  Status prepare_one(plan::Item& item, CgroupWriter& writer, MappedUsers& users, TextBuffer<1024>& detail) {
    switch (item.operation) {
      case Operation::prepareResctrl: return prepare_resctrl(item.arguments, detail);
      case Operation::openDescriptor: {
        Fd fd;
        TRY(open_descriptor(item.arguments, fd));
        slots_.push_back(std::move(fd));
        return {};
      }
      case Operation::openMappedTree: {
        Fd tree;
        TRY(open_mapped_tree(item.arguments, users, tree));
        slots_.push_back(std::move(tree));
        return {};
      }
      default: return writer.run(item);
    }
  }

  void start(Outcome& outcome) {
    if (!valid_) return outcome.fail(clone_, malformed_plan());
    Fd cgroup, theirs;
    Status status;
    if (!cgroup_.empty()) {
      status = cgroup.take(CALL(openat, AT_FDCWD, cgroup_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0), cgroup_.c_str());
    }
    int ends[2] = {-1, -1};
    if (status.ok()) status = status_of(CALL(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    if (status.ok()) {
      control_.reset(ends[0]);
      theirs.reset(ends[1]);
      // Above the number that the child gives it, so that the copy onto that number always is one.
      status = theirs.take(CALL(fcntl, theirs.get(), F_DUPFD_CLOEXEC, 16));
    }
    if (status.ok()) status = clone_image(theirs, cgroup);
    if (!status.ok()) outcome.fail(clone_, status);
  }

  Status clone_image(const Fd& socket, const Fd& cgroup) {
    for (bool again = false;; again = true) {
      Image image;
      TRY(open_image(image));
      Status status = clone_init(flags_, image.fd, socket.get(), cgroup.get(), child_);
      if (status.error != ETXTBSY || again) return status;
      forget_image(image);
      abandon();
      child_ = {};
    }
  }

  void map(Outcome& outcome) {
    if (map_.operation != Operation::mapIds) return;
    TextBuffer<1024> detail;
    Status status = map_ids(map_.arguments, child_.pid, detail);
    if (!status.ok()) outcome.fail(map_, status, detail.text());
  }

  void adjust_oom(Outcome& outcome) {
    if (oom_.operation != Operation::adjustOomScore) return;
    Status status = adjust_oom_score(oom_.arguments, child_.pid);
    if (!status.ok()) outcome.fail(oom_, status);
  }

  void move_devices(Outcome& outcome) {
    for (plan::Item item : devices_) {
      Status status = net_devices_.move(item.arguments, child_.pid);
      if (!status.ok()) return outcome.fail(item, status);
    }
  }

  void send_plan(Outcome& outcome) {
    const std::string& init_plan = request_.init_plan.get();
    if (init_plan.empty()) return outcome.fail(clone_, malformed_plan());
    Status status = host::send_plan(control_.get(), child_.pid, init_plan, slots_);
    if (!status.ok()) outcome.fail(clone_, status);
    slots_.clear();
  }

  // Nothing of a failed start stays: init waits for its plan, so it is ended and waited for here.
  void abandon() {
    if (!child_.pidfd.valid()) return;
    CALL(pidfd_send_signal, child_.pidfd.get(), kernel::kSigKill, nullptr, 0);
    siginfo_t info{};
    while (CALL(waitid, kernel::kPidfdWait, child_.pidfd.get(), &info, WEXITED, nullptr).error() == EINTR) {
    }
  }

  // When the host's steps began and ended; " NANOSECONDS" for each, in this order.
  struct Times {
    u64 prepare = 0, prepared = 0, clone = 0, cloned = 0, map = 0, mapped = 0;
    [[nodiscard]] std::string text() const {
      TextBuffer<160> out;
      for (u64 one : {prepare, prepared, clone, cloned, map, mapped, monotonic_time()}) out.add(" ").add_number(one);
      return out.data;
    }
  };

  SpawnRequest request_;
  Times times_;
  std::vector<Fd> slots_;
  std::vector<plan::Item> before_, devices_;
  plan::Item clone_, map_, oom_, stage_;
  StagedState staged_;
  u64 flags_ = 0;
  std::string cgroup_;
  bool valid_ = false;

  std::atomic<bool> taken_ = false;
  std::promise<void> finished_;
  Outcome prepared_;

  Fd control_;
  Child child_;
  NetDevices net_devices_;
};

}  // namespace

void spawn(Workers& workers, Reactor& reactor, Post post, SpawnRequest request) {
  auto job = std::make_shared<Spawn>(std::move(request));
  // The clone takes longer: it goes first, and does the rest too when no other thread has taken it.
  workers.run([job, &reactor, post = std::move(post)] { job->run(reactor, post); });
  if (!job->needs_cgroup_first()) workers.run([job] { job->prepare(); });
}

}  // namespace host
