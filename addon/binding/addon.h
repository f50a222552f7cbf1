// The N-API surface: this folder alone knows N-API. Runs on the JavaScript thread; copies arguments into plain structs and
// hands them to host/. Everything comes back as an event to the one dispatcher that JavaScript has registered.
// lib/native/addon.ts is the typed declaration of what is exported. A comment `-> done` says what the event `done` of that
// id brings.
#pragma once

#include <napi.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <unordered_map>

#include "binding/held.h"
#include "binding/outbox.h"
#include "binding/values.h"
#include "host/bare-mounts.h"
#include "host/init-clone.h"
#include "host/networks.h"
#include "host/reactor.h"
#include "host/workers.h"

namespace binding {

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports);
  ~Addon();

 private:
  using Info = Napi::CallbackInfo;

  Napi::Value Start(const Info& info);
  Napi::Value Hold(const Info& info);
  Napi::Value Next(const Info& info);
  Napi::Value ProbeKernel(const Info& info);

  // starting.cc
  Napi::Value CloneAhead(const Info& info);
  Napi::Value DropClone(const Info& info);
  Napi::Value SpawnInit(const Info& info);
  Napi::Value GivePlan(const Info& info);
  Napi::Value SendPlan(const Info& info);
  Napi::Value KeepNetworks(const Info& info);
  Napi::Value TakeNetwork(const Info& info);
  Napi::Value MakeBareMounts(const Info& info);
  Napi::Value PrepareCgroup(const Info& info);
  Napi::Value SetDeviceProgram(const Info& info);
  Napi::Value RemoveDirectories(const Info& info);
  Napi::Value RemoveContainer(const Info& info);

  // processes.cc
  Napi::Value Watch(const Info& info);
  Napi::Value Forget(const Info& info);
  Napi::Value OpenChannel(const Info& info);
  Napi::Value Send(const Info& info);
  Napi::Value Signal(const Info& info);
  Napi::Value SignalPid(const Info& info);
  Napi::Value SetReaping(const Info& info);
  Napi::Value Reap(const Info& info);
  Napi::Value AwaitChild(const Info& info);

  // programs.cc
  Napi::Value RunCommand(const Info& info);
  Napi::Value OpenSession(const Info& info);
  Napi::Value Exchange(const Info& info);
  Napi::Value BindNotify(const Info& info);
  Napi::Value RelayReady(const Info& info);

  // notifications.cc
  Napi::Value Notify(const Info& info);
  Napi::Value WatchTrapped(const Info& info);
  Napi::Value AnswerCall(const Info& info);
  Napi::Value AddDescriptor(const Info& info);
  Napi::Value ReadMemory(const Info& info);

  // files.cc
  Napi::Value ReadFiles(const Info& info);
  Napi::Value WriteFile(const Info& info);
  Napi::Value OpenRoot(const Info& info);
  Napi::Value OpenInside(const Info& info);
  Napi::Value CreateEntry(const Info& info);
  Napi::Value FileJob(const Info& info);
  Napi::Value MakeFifo(const Info& info);
  Napi::Value Lock(const Info& info);
  Napi::Value LockWait(const Info& info);

  // descriptors.cc
  Napi::Value Pipe(const Info& info);
  Napi::Value Close(const Info& info);
  Napi::Value HandOver(const Info& info);
  Napi::Value Connect(const Info& info);
  Napi::Value SendDescriptor(const Info& info);
  Napi::Value DescriptorFlags(const Info& info);
  Napi::Value PendingBytes(const Info& info);
  Napi::Value SetWindowSize(const Info& info);

  void Stop();
  void GiveUp();
  std::shared_ptr<host::InitClone> TakeClone(i32 number);

  using Work = std::function<host::Event()>;
  // Does WORK on one of the few threads for what blocks for a short time, and posts what it returns.
  Napi::Value OnWorker(const Info& info, Work work);
  // The same on a thread of its own: for what a program or a container may hold up for as long as it likes. UNSTARTED is
  // posted where there is no thread to be had.
  Napi::Value OnThread(const Info& info, host::Event unstarted, Work work);
  // Posts EVENT as if it came from a thread.
  Napi::Value Posted(const Info& info, host::Event event);

  std::shared_ptr<Held> held_ = std::make_shared<Held>();
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>(held_);
  host::Post post_;
  std::promise<std::string> init_plan_;
  bool plan_awaited_ = false;
  std::unordered_map<u32, std::shared_ptr<host::InitClone>> clones_;
  u32 next_clone_ = 0;
  std::unique_ptr<host::Reactor> reactor_;
  std::unique_ptr<host::BareMounts> bare_mounts_;
  std::unique_ptr<host::Workers> workers_;  // goes first: what is done there uses the other two
  std::shared_ptr<host::Networks> networks_ = std::make_shared<host::Networks>();
};

}  // namespace binding
