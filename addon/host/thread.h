// A thread that may not be there: where the system gives none (EAGAIN), the caller goes another way; std::thread would end
// the process.
#pragma once

#include <pthread.h>

#include <functional>

namespace host {

// Run WORK on a thread of its own, all signals blocked: Node's signals are for Node's threads. Detached, unless JOINABLE
// is given. False when there is no thread; WORK is then not run.
[[nodiscard]] bool start_thread(std::function<void()> work, pthread_t* joinable = nullptr);

}  // namespace host
