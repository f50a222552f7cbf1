// From a plan to a process that executes it.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "host/init-clone.h"
#include "host/reactor.h"
#include "host/workers.h"

namespace host {

struct SpawnRequest {
  u32 id;
  std::string host_plan;
  std::vector<Fd> descriptors;  // slots 0 and on; the host plan's openDescriptor adds to them
  std::shared_future<std::string> init_plan;  // may come while init is being cloned; empty: give up
  std::string state = {};  // a plan of stageState alone, or empty
  // Init need not wait for anybody: it gets its word at once, and only the end of its work is told loudly.
  bool go = false;
  std::string counts = {};  // see Reactor::watch
  // Begun before the plan was there; not used where the plan wants another kind of clone.
  std::shared_ptr<InitClone> ahead = {};
  BareMounts* bare = nullptr;  // for a plan that wants them
};

// Any thread. The events of the container come through the reactor's channel; a failure of the host's part is posted as
// `failed`, and then there is no process.
void spawn(Workers& workers, Reactor& reactor, Post post, SpawnRequest request);

}  // namespace host
