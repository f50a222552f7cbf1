// JavaScript's values to ours and back. The types are checked in TypeScript (lib/native/addon.ts).
#pragma once

#include <napi.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "sys/kernel.h"

namespace binding {

inline std::string bytes_of(const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  return std::string(reinterpret_cast<const char*>(array.Data()), array.ByteLength());
}

// What is in LIST: strings, or the bytes of names that are none. False while a worker thread is being terminated: no element
// can be read any more, and Node-API's C++ layer ends the process when it is asked what an empty value holds.
[[nodiscard]] inline bool read_texts(const Napi::Value& list, std::vector<std::string>& texts) {
  auto array = list.As<Napi::Array>();
  for (u32 i = 0; i < array.Length(); i++) {
    const Napi::Value text = array.Get(i);
    if (text.IsEmpty()) return false;
    texts.push_back(text.IsString() ? text.As<Napi::String>().Utf8Value() : bytes_of(text));
  }
  return true;
}

inline int number(const Napi::CallbackInfo& info, size_t at) { return info[at].As<Napi::Number>().Int32Value(); }
// Of an event, or any other that is not negative.
inline u32 id_of(const Napi::CallbackInfo& info, size_t at = 0) { return info[at].As<Napi::Number>().Uint32Value(); }
inline u64 unsigned_of(const Napi::CallbackInfo& info, size_t at) {
  bool whole = true;
  return info[at].As<Napi::BigInt>().Uint64Value(&whole);
}
inline std::string text(const Napi::CallbackInfo& info, size_t at) { return info[at].As<Napi::String>().Utf8Value(); }

// A call that fails gives -errno: the words are made in TypeScript.
inline Napi::Value result(const Napi::CallbackInfo& info, long value) { return Napi::Number::New(info.Env(), value); }
inline Napi::Value checked(const Napi::CallbackInfo& info, long value) { return result(info, value < 0 ? -errno : value); }

// A descriptor of the caller's, for a thread that may be at work when the caller has closed his. FIRST: the lowest number.
inline int duplicate(int given, Fd& copy, int first = 0) { return copy.take(CALL(fcntl, given, F_DUPFD_CLOEXEC, first)).error; }

inline int duplicate(const Napi::Value& given, std::vector<Fd>& copies, int first = 0) {
  auto array = given.As<Napi::Array>();
  for (u32 i = 0; i < array.Length(); i++) {
    const Napi::Value descriptor = array.Get(i);
    if (descriptor.IsEmpty()) return ECANCELED;  // as in read_texts
    Fd copy;
    if (int error = duplicate(descriptor.As<Napi::Number>().Int32Value(), copy, first); error != 0) return error;
    copies.push_back(std::move(copy));
  }
  return 0;
}

}  // namespace binding
