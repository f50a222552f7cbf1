// What is exported, from the beginning to the end of an environment.

#include "binding/addon.h"

#include "host/image.h"
#include "host/probe.h"
#include "host/thread.h"

namespace binding {

Addon::Addon(Napi::Env /*env*/, Napi::Object exports) {
  DefineAddon(exports, {
      InstanceMethod("start", &Addon::Start),
      InstanceMethod("hold", &Addon::Hold),
      InstanceMethod("next", &Addon::Next),
      InstanceMethod("cloneAhead", &Addon::CloneAhead),
      InstanceMethod("dropClone", &Addon::DropClone),
      InstanceMethod("spawn", &Addon::SpawnInit),
      InstanceMethod("plan", &Addon::GivePlan),
      InstanceMethod("probe", &Addon::ProbeKernel),
      InstanceMethod("prepareCgroup", &Addon::PrepareCgroup),
      InstanceMethod("sendPlan", &Addon::SendPlan),
      InstanceMethod("keepNetworks", &Addon::KeepNetworks),
      InstanceMethod("takeNetwork", &Addon::TakeNetwork),
      InstanceMethod("bareMounts", &Addon::MakeBareMounts),
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
      InstanceMethod("writeFile", &Addon::WriteFile),
      InstanceMethod("setDeviceProgram", &Addon::SetDeviceProgram),
      InstanceMethod("bindNotify", &Addon::BindNotify),
      InstanceMethod("relayReady", &Addon::RelayReady),
      InstanceMethod("removeDirectories", &Addon::RemoveDirectories),
      InstanceMethod("removeContainer", &Addon::RemoveContainer),
      InstanceMethod("lock", &Addon::Lock),
      InstanceMethod("lockWait", &Addon::LockWait),
      InstanceMethod("mkfifo", &Addon::MakeFifo),
      InstanceMethod("pipe", &Addon::Pipe),
      InstanceMethod("close", &Addon::Close),
      InstanceMethod("handOver", &Addon::HandOver),
      InstanceMethod("connect", &Addon::Connect),
      InstanceMethod("sendDescriptor", &Addon::SendDescriptor),
      InstanceMethod("descriptorFlags", &Addon::DescriptorFlags),
      InstanceMethod("pendingBytes", &Addon::PendingBytes),
      InstanceMethod("openRoot", &Addon::OpenRoot),
      InstanceMethod("openInside", &Addon::OpenInside),
      InstanceMethod("fileJob", &Addon::FileJob),
      InstanceMethod("createEntry", &Addon::CreateEntry),
      InstanceMethod("setWindowSize", &Addon::SetWindowSize),
  });
}

Addon::~Addon() { Stop(); }

// What has begun is ended before the environment is: nobody will hear of it any more.
void Addon::Stop() {
  outbox_->close();
  GiveUp();
  networks_->keep(0);
  clones_.clear();
  workers_.reset();
  bare_mounts_.reset();
  reactor_.reset();
  held_->close_all();  // last: Node has closed its streams, and who still waits for a lock closes it himself
}

// start(dispatcher): before everything else, once; again after -EAGAIN.
Napi::Value Addon::Start(const Info& info) {
  outbox_->open(info.Env(), info[0]);
  post_ = [outbox = outbox_](host::Event event) { outbox->post(std::move(event)); };
  reactor_ = std::make_unique<host::Reactor>(post_);
  if (!reactor_->running()) {  // no thread, no events: as if it had not been called
    reactor_.reset();
    outbox_->close();
    return result(info, -EAGAIN);
  }
  workers_ = std::make_unique<host::Workers>(4);
  // Ahead of the first start, while JavaScript reads a config: a thread, and the memory file of init.
  workers_->run([] {
    host::Image image;
    (void)host::open_image(image);  // the start that needs it says what is wrong
  });
  // Node frees the function when the environment ends, whoever still holds it, and only then this object. What is
  // hooked later is called first.
  napi_add_env_cleanup_hook(info.Env(), [](void* addon) { static_cast<Addon*>(addon)->Stop(); }, this);
  return result(info, 0);
}

// hold(on): whether pending events keep the event loop alive.
Napi::Value Addon::Hold(const Info& info) {
  outbox_->hold(info.Env(), info[0].As<Napi::Boolean>());
  return info.Env().Undefined();
}

// next(dispatcher): the next event, if there is one.
Napi::Value Addon::Next(const Info& info) { return Napi::Boolean::New(info.Env(), outbox_->next(info.Env(), info[0])); }

// probe(): errno by feature, 0 for what is there.
Napi::Value Addon::ProbeKernel(const Info& info) {
  auto found = Napi::Object::New(info.Env());
  for (const auto& [name, error] : host::probe_kernel()) found.Set(name, error);
  return found;
}

Napi::Value Addon::OnWorker(const Info& info, Work work) {
  workers_->run([post = post_, work = std::move(work)] { post(work()); });
  return info.Env().Undefined();
}

Napi::Value Addon::OnThread(const Info& info, host::Event unstarted, Work work) {
  const bool started = host::start_thread([post = post_, work = std::move(work)] { post(work()); });
  return started ? info.Env().Undefined() : Posted(info, std::move(unstarted));
}

Napi::Value Addon::Posted(const Info& info, host::Event event) {
  post_(std::move(event));
  return info.Env().Undefined();
}

}  // namespace binding

using binding::Addon;
NODE_API_ADDON(Addon)
