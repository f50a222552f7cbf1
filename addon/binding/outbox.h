// The way of events from any thread to JavaScript's dispatcher.
#pragma once

#include <napi.h>

#include <mutex>

#include "host/events.h"

namespace binding {

// Outlives the environment: a thread that is late finds it closed instead of a dead function.
class Outbox {
 public:
  // JavaScript thread. DISPATCHER is called with (id, type, a, b, data, data2) of each event.
  void open(napi_env env, napi_value dispatcher);
  // JavaScript thread. Whether events that are still to come keep the event loop alive.
  void hold(napi_env env, bool on);
  // Any thread.
  void post(host::Event event);
  void close();

 private:
  std::mutex guard_;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace binding
