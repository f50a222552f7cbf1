// See thread.h. Any thread of the Node process.

#include "host/thread.h"

#include <signal.h>

namespace host {
namespace {

void* run(void* given) {
  auto* work = static_cast<std::function<void()>*>(given);
  (*work)();
  delete work;
  return nullptr;
}

}  // namespace

bool start_thread(std::function<void()> work, pthread_t* joinable) {
  auto* kept = new std::function<void()>(std::move(work));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (joinable == nullptr) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // The mask is inherited: blocked before the thread begins, nothing can arrive in between.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  const int error = pthread_create(joinable == nullptr ? &thread : joinable, &attributes, run, kept);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) delete kept;
  return error == 0;
}

}  // namespace host
