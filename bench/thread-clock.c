/*
 * thread-clock.node: now() gives the time that the calling thread has spent on a processor, in milliseconds, also in
 * system calls. clock_gettime(2), CLOCK_THREAD_CPUTIME_ID. Sleep and the time of other threads do not count.
 */
#include <node_api.h>
#include <time.h>

static napi_value now(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec time;
  napi_value value;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return napi_create_double(env, time.tv_sec * 1e3 + time.tv_nsec / 1e6, &value) == napi_ok ? value : NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "now", NAPI_AUTO_LENGTH, now, NULL, &function);
  napi_set_named_property(env, exports, "now", function);
  return exports;
}
