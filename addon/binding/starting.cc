// Starts of containers: cgroups, network namespaces, init and its plans, removal.

#include "binding/addon.h"
#include "host/cgroup.h"
#include "host/removal.h"
#include "host/spawn.h"

namespace binding {

// cloneAhead(flags, bare): init for a start whose plan is still being made. A number, to be given to spawn or to dropClone.
Napi::Value Addon::CloneAhead(const Info& info) {
  if (!workers_->ready()) return result(info, -EAGAIN);
  const bool bare = info[1].As<Napi::Boolean>();
  auto init = std::make_shared<host::InitClone>(id_of(info), bare ? bare_mounts_.get() : nullptr);
  const u32 number = next_clone_++ & 0x7fffffff;
  clones_.insert_or_assign(number, init);
  host::InitClone::begin(init, *workers_);
  return result(info, static_cast<int>(number));
}

// dropClone(id, number) -> done: it has ended.
Napi::Value Addon::DropClone(const Info& info) {
  workers_->run([post = post_, id = id_of(info), init = TakeClone(number(info, 1))] {
    init->then([post, id, init] {
      init->end();
      post({id, host::EventType::done});
    });
  });
  return info.Env().Undefined();
}

std::shared_ptr<host::InitClone> Addon::TakeClone(i32 number) {
  auto found = clones_.extract(static_cast<u32>(number));
  return found ? std::move(found.mapped()) : nullptr;
}

// spawn(id, hostPlan, descriptors, state, go, clone, counts): the descriptors are duplicated, the caller keeps his. The caller must
// give init's plan before he returns to the event loop. CLONE: of cloneAhead, or negative. COUNTS: see Reactor::watch.
Napi::Value Addon::SpawnInit(const Info& info) {
  host::SpawnRequest request{id_of(info), bytes_of(info[1]), {}, {}};
  request.ahead = TakeClone(number(info, 5));
  if (!workers_->ready()) return result(info, -EAGAIN);
  if (int error = duplicate(info[2], request.descriptors); error != 0) return result(info, -error);
  GiveUp();
  init_plan_ = std::promise<std::string>();
  plan_awaited_ = true;
  request.state = bytes_of(info[3]);
  request.go = info[4].As<Napi::Boolean>();
  request.counts = text(info, 6);
  request.bare = bare_mounts_.get();
  request.init_plan = init_plan_.get_future().share();
  host::spawn(*workers_, *reactor_, post_, std::move(request));
  return result(info, 0);
}

// plan(initPlan): for the spawn just called. It is made while init is being cloned; an empty one gives the spawn up.
Napi::Value Addon::GivePlan(const Info& info) {
  if (std::exchange(plan_awaited_, false)) init_plan_.set_value(bytes_of(info[0]));
  return info.Env().Undefined();
}

// A spawn whose plan will not come: JavaScript was terminated in between.
void Addon::GiveUp() {
  if (std::exchange(plan_awaited_, false)) init_plan_.set_value({});
}

// sendPlan(id, pid, plan, descriptors): to an init that waits for one (awaitPlan). A large plan goes from a worker, so
// that the event loop does not wait for init to read it; when it cannot be sent, init is gone, and its events say so.
Napi::Value Addon::SendPlan(const Info& info) {
  constexpr size_t kSmall = 64 * 1024;
  const u32 id = id_of(info);
  const i32 pid = number(info, 1);
  std::string plan = bytes_of(info[2]);
  auto descriptors = std::make_shared<std::vector<Fd>>();
  if (int error = duplicate(info[3], *descriptors); error != 0) return result(info, -error);
  if (plan.size() <= kSmall) return result(info, -reactor_->send_plan(id, pid, plan, *descriptors).error);
  workers_->run([this, id, pid, plan = std::move(plan), descriptors] {
    (void)reactor_->send_plan(id, pid, plan, *descriptors);
  });
  return result(info, 0);
}

// keepNetworks(count): have so many network namespaces ready.
Napi::Value Addon::KeepNetworks(const Info& info) {
  networks_->keep(info[0].As<Napi::Number>().Uint32Value());
  return info.Env().Undefined();
}

// takeNetwork(): descriptor of one of them, the caller's; -EAGAIN when there is none.
Napi::Value Addon::TakeNetwork(const Info& info) {
  Fd taken = networks_->take();
  return result(info, taken.valid() ? held_->add(taken.release()) : -EAGAIN);
}

// bareMounts(id) -> done: a errno, or 0 when plans can have them.
Napi::Value Addon::MakeBareMounts(const Info& info) {
  if (!bare_mounts_) bare_mounts_ = std::make_unique<host::BareMounts>();
  bare_mounts_->make([post = post_, id = id_of(info)](const Status& made) { post({id, host::EventType::done, made.error}); });
  return info.Env().Undefined();
}

// prepareCgroup(id, plan) -> done: data is the failure, as in plan::FrameType::failed, or empty.
Napi::Value Addon::PrepareCgroup(const Info& info) {
  return OnWorker(info, [id = id_of(info), plan = bytes_of(info[1])]() -> host::Event {
    return {id, host::EventType::done, 0, 0, host::prepare_cgroup(plan).failure};
  });
}

// setDeviceProgram(id, path, program) -> done: a errno or 0.
Napi::Value Addon::SetDeviceProgram(const Info& info) {
  return OnWorker(info, [id = id_of(info), path = text(info, 1), program = bytes_of(info[2])]() -> host::Event {
    return {id, host::EventType::done, host::set_device_program(path.c_str(), program.data(), program.size()).error};
  });
}

// removeDirectories(id, paths) -> done: a errno of the first that stays, or 0; data its path.
Napi::Value Addon::RemoveDirectories(const Info& info) {
  std::vector<std::string> paths;
  if (!read_texts(info[1], paths)) return info.Env().Undefined();
  return OnWorker(info, [id = id_of(info), paths = std::move(paths)] {
    host::Event event{id, host::EventType::done};
    for (const auto& path : paths) {
      int error = host::remove_directory(path.c_str());
      if (error != 0 && event.a == 0) {
        event.a = error;
        event.data = path;
      }
    }
    return event;
  });
}

// removeContainer(id, cgroups, directory, lock, process) -> done: a errno of what stays, or 0; then the lock is closed. See
// host/removal.h.
Napi::Value Addon::RemoveContainer(const Info& info) {
  const u32 id = id_of(info);
  host::Removal removal{{}, text(info, 2), text(info, 4)};
  if (!read_texts(info[1], removal.cgroups)) return info.Env().Undefined();
  workers_->run([post = post_, id, removal = std::move(removal), lock = number(info, 3), held = held_] {
    Fd taken;
    const int error = host::remove_container(removal, lock, taken);
    post({id, host::EventType::done, error});
    // The end of a file that has no name any more is not waited for: that of the directory takes its time.
    if (error == 0 && lock >= 0) held->close(lock);
  });
  return info.Env().Undefined();
}

}  // namespace binding
