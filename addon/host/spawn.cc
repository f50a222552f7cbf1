// See spawn.h. Runs on worker threads of the Node process: the operations before the clone (cgroups, descriptors) on one,
// the clone on another at the same time, unless the container is to be born inside its cgroup2. What comes after both is
// done by the one that ends last.

#include "host/spawn.h"

#include <memory>

#include "host/cgroup.h"
#include "host/channel.h"
#include "host/idmap.h"
#include "host/identity.h"
#include "host/tree.h"
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
  Spawn(SpawnRequest request, Reactor& reactor, Post post)
      : id_(request.id), reactor_(reactor), post_(std::move(post)), request_(std::move(request)), slots_(std::move(request_.descriptors)) {
    scan();
  }

  // What is to be cloned; nothing when that began before the plan was there.
  std::shared_ptr<InitClone> clone() {
    BareMounts* const mounts = bare_ ? request_.bare : nullptr;
    const bool begun = !clones_last() && request_.ahead && request_.ahead->is_for(flags_, mounts);
    init_ = begun ? request_.ahead : std::make_shared<InitClone>(flags_, mounts, cgroup_);
    return begun ? nullptr : init_;
  }

  // It is born in a cgroup that has to be made, or not at all.
  [[nodiscard]] bool clones_last() const { return !valid_ || !cgroup_.empty(); }

  [[nodiscard]] InitClone& init() const { return *init_; }

  // Everything before the clone, or beside it.
  void prepare() {
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
  }

  [[nodiscard]] bool good() const { return valid_ && prepared_.ok; }

  // After both.
  void finish() {
    times_.clone = init_->begun();
    times_.cloned = init_->ended();
    Outcome outcome;
    if (!valid_) outcome.fail(clone_, malformed_plan());
    // What failed there says more, and whose the cgroups are: the caller may not touch those of another container.
    if (!prepared_.ok) outcome = prepared_;
    if (outcome.ok && !init_->status().ok()) outcome.fail(clone_, init_->status());
    times_.map = monotonic_time();
    if (outcome.ok) map(outcome);
    if (outcome.ok) adjust_oom(outcome);
    if (outcome.ok) move_devices(outcome);
    times_.mapped = monotonic_time();
    std::string started;  // without it nobody would know the process again
    if (outcome.ok) name_process(outcome, started);
    if (outcome.ok) send_plan(outcome);
    if (outcome.ok) watch(outcome, started);
    if (outcome.ok) return;
    init_->end();
    net_devices_.restore();
    post_({id_, EventType::failed, 0, 0, outcome.failure});
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
        bare_ = item.arguments.number() != 0;
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
    valid_ = operations.complete() && clone_.operation == Operation::clone && (!bare_ || request_.bare != nullptr);
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
    if (int error = read_start_time(init_->child.pid, started); error != 0) {
      return outcome.fail(clone_, failure(error, "read", "/proc/PID/stat"));
    }
    if (Status status = staged_.name_process(init_->child.pid, started); !status.ok()) outcome.fail(stage_, status);
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
      case Operation::openTree: {
        Fd tree;
        TRY(open_tree(item.arguments, root_mount_, tree));
        slots_.push_back(std::move(tree));
        return {};
      }
      default: return writer.run(item);
    }
  }

  void map(Outcome& outcome) {
    if (map_.operation != Operation::mapIds) return;
    TextBuffer<1024> detail;
    Status status = map_ids(map_.arguments, init_->child.pid, detail);
    if (!status.ok()) outcome.fail(map_, status, detail.text());
  }

  void adjust_oom(Outcome& outcome) {
    if (oom_.operation != Operation::adjustOomScore) return;
    Status status = adjust_oom_score(oom_.arguments, init_->child.pid);
    if (!status.ok()) outcome.fail(oom_, status);
  }

  void move_devices(Outcome& outcome) {
    for (plan::Item item : devices_) {
      Status status = net_devices_.move(item.arguments, init_->child.pid);
      if (!status.ok()) return outcome.fail(item, status);
    }
  }

  void send_plan(Outcome& outcome) {
    const std::string& init_plan = request_.init_plan.get();
    if (init_plan.empty()) return outcome.fail(clone_, malformed_plan());
    Status status = host::send_plan(init_->control.get(), init_->child.pid, init_plan, slots_);
    if (!status.ok()) outcome.fail(clone_, status);
    slots_.clear();
  }

  void watch(Outcome& outcome, const std::string& started) {
    Event spawned{id_, EventType::spawned, init_->child.pid, 0, started + times_.text()};
    spawned.quiet = request_.go;
    Fd pidfd;
    Status watched = pidfd.take(CALL(fcntl, init_->child.pidfd.get(), F_DUPFD_CLOEXEC, 0), "init");
    if (watched.ok()) watched = reactor_.watch(id_, std::move(init_->control), std::move(pidfd), &spawned, std::move(request_.counts));
    if (!watched.ok()) return outcome.fail(clone_, watched);
    // A copy that outlives the watch would keep it in the epoll set, which then says for ever that the process has ended.
    init_->child.pidfd.reset();
    if (request_.go) (void)reactor_.send(id_);  // when init is gone its events say why
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

  const u32 id_;
  Reactor& reactor_;
  const Post post_;
  SpawnRequest request_;
  Times times_;
  std::vector<Fd> slots_;
  std::vector<plan::Item> before_, devices_;
  plan::Item clone_, map_, oom_, stage_;
  StagedState staged_;
  u64 flags_ = 0;
  std::string cgroup_;
  bool bare_ = false;
  u64 root_mount_ = 0;
  bool valid_ = false;
  Outcome prepared_;
  std::shared_ptr<InitClone> init_;
  NetDevices net_devices_;
};

}  // namespace

void spawn(Workers& workers, Reactor& reactor, Post post, SpawnRequest request) {
  auto job = std::make_shared<Spawn>(std::move(request), reactor, std::move(post));
  auto init = job->clone();
  if (job->clones_last()) {
    return workers.run([job, init] {
      job->prepare();
      if (!job->good()) return job->finish();
      InitClone::make(init);
      init->then([job] { job->finish(); });
    });
  }
  // The clone takes longer: it goes first.
  if (init) InitClone::begin(init, workers);
  workers.run([job] {
    job->prepare();
    job->init().then([job] { job->finish(); });
  });
}

}  // namespace host
