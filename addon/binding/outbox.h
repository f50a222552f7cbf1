// The way of events from any thread to JavaScript's dispatcher.
#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "binding/held.h"
#include "host/events.h"

namespace binding {

// Outlives the environment: a thread that is late finds it closed instead of a dead function.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  explicit Outbox(std::shared_ptr<Held> held) : held_(std::move(held)) {}
  // JavaScript thread. DISPATCHER is called with (id, type, a, b, data, data2) of each event. A descriptor that comes with one is
  // in HELD from then on: whoever is terminated on his way to it closes nothing.
  void open(napi_env env, napi_value dispatcher);
  // JavaScript thread. Whether events that are still to come keep the event loop alive.
  void hold(napi_env env, bool on);
  // JavaScript thread, and until it returns false: DISPATCHER gets the next event, with the quiet ones before it.
  bool next(napi_env env, napi_value dispatcher);
  // Any thread.
  void post(host::Event event);
  void close();

 private:
  static void deliver(napi_env env, napi_value dispatcher, void*, void* outbox);
  [[nodiscard]] std::vector<host::Event> take();

  const std::shared_ptr<Held> held_;
  std::mutex guard_;
  napi_threadsafe_function function_ = nullptr;
  std::deque<host::Event> waiting_;
  bool called_ = false;  // JavaScript is on its way to what waits, or at it
};

}  // namespace binding
