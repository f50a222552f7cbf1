// See outbox.h.

#include "binding/outbox.h"

#include <memory>
#include <utility>

#include "sys/call.h"

namespace binding {
namespace {

// An event that nobody will get: a lock in it would otherwise be held for as long as the process lives.
void drop(const host::Event& event) {
  if (event.owned && event.a >= 0) CALL(close, event.a);
}

// Most events have no data, and a Buffer is dear.
napi_value to_buffer(napi_env env, const std::string& data, napi_value empty) {
  if (data.empty()) return empty;
  napi_value value = nullptr;
  napi_create_buffer_copy(env, data.size(), data.data(), nullptr, &value);
  return value;
}

void dispatch(napi_env env, napi_value dispatcher, const host::Event& event) {
  Napi::HandleScope scope(env);
  napi_value arguments[6], global = nullptr;
  napi_create_uint32(env, event.id, &arguments[0]);
  napi_create_uint32(env, static_cast<u32>(event.type), &arguments[1]);
  napi_create_int32(env, event.a, &arguments[2]);
  napi_create_int32(env, event.b, &arguments[3]);
  napi_value empty = nullptr;
  napi_get_undefined(env, &empty);
  arguments[4] = to_buffer(env, event.data, empty);
  arguments[5] = to_buffer(env, event.data2, empty);
  napi_get_global(env, &global);
  if (napi_call_function(env, global, dispatcher, 6, arguments, nullptr) == napi_pending_exception) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
}

}  // namespace

void Outbox::open(napi_env env, napi_value dispatcher) {
  napi_threadsafe_function function = nullptr;
  napi_create_threadsafe_function(env, dispatcher, nullptr, Napi::String::New(env, "nrunc"), 0, 1, nullptr, nullptr, nullptr,
                                  deliver, &function);
  napi_unref_threadsafe_function(env, function);
  std::lock_guard lock(guard_);
  function_ = function;
}

void Outbox::hold(napi_env env, bool on) {
  if (on) napi_ref_threadsafe_function(env, function_);
  else napi_unref_threadsafe_function(env, function_);
}

// JavaScript asks for the next one itself: what an event brings about can be long, and the event loop has its turn between.
void Outbox::deliver(napi_env env, napi_value dispatcher, void*, void* outbox) {
  const std::unique_ptr<std::shared_ptr<Outbox>> self(static_cast<std::shared_ptr<Outbox>*>(outbox));
  if (env != nullptr && dispatcher != nullptr) (*self)->next(env, dispatcher);
}

bool Outbox::next(napi_env env, napi_value dispatcher) {
  const std::vector<host::Event> events = take();
  for (const host::Event& event : events) {
    if (event.owned && event.a >= 0) held_->add(event.a);
  }
  for (const host::Event& event : events) dispatch(env, dispatcher, event);
  return !events.empty();
}

std::vector<host::Event> Outbox::take() {
  std::lock_guard lock(guard_);
  std::vector<host::Event> events;
  while (!waiting_.empty()) {
    events.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (!events.back().quiet) break;
  }
  called_ = !events.empty();
  return events;
}

void Outbox::post(host::Event event) {
  std::lock_guard lock(guard_);
  if (function_ == nullptr) return drop(event);
  const bool quiet = event.quiet;
  waiting_.push_back(std::move(event));
  if (quiet || called_) return;
  auto* self = new std::shared_ptr<Outbox>(shared_from_this());
  called_ = napi_call_threadsafe_function(function_, self, napi_tsfn_nonblocking) == napi_ok;
  if (!called_) delete self;
}

void Outbox::close() {
  std::lock_guard lock(guard_);
  if (function_ != nullptr) napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
  for (const host::Event& event : std::exchange(waiting_, {})) drop(event);
}

}  // namespace binding
