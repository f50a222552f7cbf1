// The filter of system calls. In process: init, as the container's user, right before execve: what is called between the
// two would have to be allowed by every profile. Where someone listens for trapped calls, the kernel gives a descriptor
// that must reach the host, but a call that sends it could itself be trapped, with nobody there to answer: a second
// thread, which the filter does not hold for, sends it, while this one waits without calling anything.

#include <linux/seccomp.h>

#include "init/context.h"

namespace {

constexpr int kPending = -1, kNone = -2;

// Shared by the two threads.
struct Delivery {
  int control;
  int listener = kPending;
  int result = kPending;  // 0 or an errno
};

[[noreturn]] void end_thread() {
  CALL(exit, 0);
  __builtin_unreachable();
}

extern "C" [[noreturn]] void deliver_listener(Delivery* delivery) {
  int listener;
  while ((listener = __atomic_load_n(&delivery->listener, __ATOMIC_ACQUIRE)) == kPending) {
    kernel::TimeSpec pause{0, 20000};
    CALL(nanosleep, &pause, nullptr);
  }
  if (listener == kNone) end_thread();
  plan::Frame frame{plan::FrameType::listener, 0};
  Status sent = send_frame(delivery->control, &frame, sizeof frame, listener);
  CALL(close, listener);  // the host has it; the program closes its own on exec, but one that waits for start would not
  __atomic_store_n(&delivery->result, sent.error, __ATOMIC_RELEASE);
  end_thread();
}

constexpr u64 kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

__attribute__((noinline)) sys::Call start_delivery(Delivery* delivery) {
  alignas(16) static u8 stack[16384];
  long result;
#if defined(NRUNC_FAKE_KERNEL)
  result = CALL(clone, kThread, stack + sizeof stack, deliver_listener, delivery).value;
#elif defined(__x86_64__)
  register void* argument __asm__("r12") = delivery;
  register long none __asm__("r10") = 0;
  __asm__ volatile(
      "syscall\n test %%rax, %%rax\n jnz 1f\n"
      "xor %%ebp, %%ebp\n mov %%r12, %%rdi\n call deliver_listener\n"
      "1:\n"
      : "=a"(result)
      : "a"(__NR_clone), "D"(kThread), "S"(stack + sizeof stack), "d"(0), "r"(none), "r"(argument)
      : "rcx", "r11", "r8", "memory");
#else
  register long number __asm__("x8") = __NR_clone;
  register long x0 __asm__("x0") = static_cast<long>(kThread);
  register void* x1 __asm__("x1") = stack + sizeof stack;
  register void* argument __asm__("x9") = delivery;
  register long x2 __asm__("x2") = 0, x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;
  __asm__ volatile(
      "svc #0\n cbnz x0, 1f\n"
      "mov x29, xzr\n mov x0, x9\n bl deliver_listener\n"
      "1:\n"
      : "+r"(x0)
      : "r"(number), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(argument)
      : "x30", "memory");
  result = x0;
#endif
  return {result, "clone"};
}

struct Program {
  u16 count;
  const u8* instructions;
};

sys::Call install(const Filter& filter) {
  Program program{static_cast<u16>(filter.size / 8), filter.program};
  return CALL(seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program);
}

// Nothing is called after the filter is in force.
Status load(Context& context, const Filter& filter) {
  if ((filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return status_of(install(filter));
  static Delivery delivery;
  delivery = {context.control};
  TRY(start_delivery(&delivery));
  sys::Call listener = install(filter);
  __atomic_store_n(&delivery.listener, listener.failed() ? kNone : static_cast<int>(listener.value), __ATOMIC_RELEASE);
  TRY(listener);
  int result;
  while ((result = __atomic_load_n(&delivery.result, __ATOMIC_ACQUIRE)) == kPending) {
#if defined(NRUNC_FAKE_KERNEL)
    CALL(sched_yield);
#elif defined(__x86_64__)
    __asm__ volatile("pause");
#else
    __asm__ volatile("yield");
#endif
  }
  return result == 0 ? Status{} : failure(result, "sendmsg", "host");
}

}  // namespace

Status load_filter(Context& context) {
  if (context.filter.program == nullptr) return {};
  const Filter filter = context.filter;
  context.filter.program = nullptr;
  Status loaded = load(context, filter);
  if (!loaded.ok()) *context.item = filter.item;  // what failed is not the operation that is executed now
  return loaded;
}

Status seccomp(Context& context, plan::Reader& arguments) {
  plan::Reader program = arguments.bytes();
  u32 flags = arguments.number(), now = arguments.number();
  constexpr u32 kMaximum = 4096;  // BPF_MAXINSNS
  if (!arguments.done() || program.size() == 0 || program.size() % 8 != 0 || program.size() > kMaximum * 8) return malformed();
  context.filter = {program.data(), program.size(), flags, *context.item};
  return now == 0 ? Status{} : load_filter(context);
}
