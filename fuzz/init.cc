// Init under libFuzzer: the whole program, as it is, on a kernel that is made of the input. What init reads from its
// socket and what every system call says comes from there, so that any plan meets any answer. Nothing leaves the
// process. Built by fuzz/run.mjs with AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   input: u16 size of what the socket gives, those bytes, then one byte or more for each system call

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "fuzz/input.h"
#include "init/context.h"

extern "C" [[noreturn]] void init_main(long* stack);

// That of addon/init/memory.cc, which also has what libc brings here.
extern "C" void seed_stack_guard(long*) {}

namespace {

constexpr u32 kMaximumCalls = 20000;   // a wait without an end is no fault of init's
constexpr u64 kMaximumMemory = 1 << 20;

// What a name stands for, as far as init looks at it.
struct Kind {
  u32 mode = 0100644;
  u64 rdev = 0;
  i64 filesystem = TMPFS_MAGIC;
};

bool ends_with(const char* name, const char* end) {
  const size_t size = strlen(name), wanted = strlen(end);
  return size >= wanted && strcmp(name + size - wanted, end) == 0;
}

Kind kind_of(const char* path, bool directory) {
  if (ends_with(path, "ptmx")) return {0020666, kernel::kPtmxDevice, 0x1cd1 /* DEVPTS_SUPER_MAGIC */};
  if (ends_with(path, "null")) return {0020666, kernel::kNullDevice};
  if (strncmp(path, "/proc", 5) == 0) return {directory ? 0040755u : 0100644u, 0, PROC_SUPER_MAGIC};
  return {directory ? 0040755u : 0100755u};
}

struct FakeKernel {
  jmp_buf over, second_over;
  void (*second)(void*) = nullptr;  // the thread of seccomp.cc, which runs while the first one waits for it
  void* argument = nullptr;
  bool in_second = false;
  Bytes socket, answers;
  std::vector<void*> memory;
  u32 calls = 0;
  int next_descriptor = 4;
  Kind kinds[256];  // of the descriptors; higher ones share

  [[noreturn]] void end() { longjmp(over, 1); }

  __attribute__((no_sanitize("function")))  // its argument is a pointer to something of seccomp.cc's
  void run_second() {
    void (*const thread)(void*) = second;
    second = nullptr;
    if (thread == nullptr) abort();  // the first one waits for a thread that has ended
    in_second = true;
    if (setjmp(second_over) == 0) thread(argument);
    in_second = false;
  }

  long allocate(u64 size) {
    if (size == 0) return -EINVAL;
    if (size > kMaximumMemory) return -ENOMEM;
    void* got = calloc(1, size);  // no larger than asked for: whoever goes beyond is seen
    memory.push_back(got);
    return reinterpret_cast<long>(got);
  }

  long release(void* given) {
    for (void*& one : memory) {
      if (one != given) continue;
      free(one);
      one = nullptr;
      return 0;
    }
    return -EINVAL;
  }

  long receive(kernel::Message& message) {
    auto* header = static_cast<kernel::ControlHeader*>(message.control);
    const u64 size = socket.copy(message.vectors[0].base, message.vectors[0].length);
    const u32 count = answers.next() % (kernel::kDescriptorsPerMessage + 1);
    if (count == 0) message.control_length = 0;
    if (count == 0 || size == 0) return static_cast<long>(size);
    header->length = sizeof *header + 4 * count;
    header->level = header->type = 1;
    for (u32 i = 0; i < count; i++) {
      int fd = next_descriptor++;
      memcpy(static_cast<u8*>(message.control) + sizeof *header + 4 * i, &fd, 4);
    }
    message.control_length = header->length;
    return static_cast<long>(size);
  }

  long open(const char* path, u64 flags) {
    const int fd = next_descriptor++ % 0x7fff;
    kinds[fd % 256] = kind_of(path, (flags & O_DIRECTORY) != 0);
    return fd;
  }

  // The truth, or whatever a hostile root file system has there.
  void describe(kernel::Stat& status, const Kind& kind, u8 answer) {
    constexpr u32 kTypes[] = {0040000, 0100000, 0120000, 0020000, 0060000, 0010000, 0140000, 0};
    status.mode = kind.mode;
    status.rdev = kind.rdev;
    if (answer < 0x80) return;
    status.mode = kTypes[answer % 8] | (answers.next() * 8u);
    answers.copy(&status.rdev, answers.next() % 9);
  }

  // Also what the child does.
  long clone(const clone_args& how, u8 answer) {
    if (answer % 4 == 3) return 0;
    if ((how.flags & CLONE_PIDFD) != 0) *reinterpret_cast<int*>(how.pidfd) = next_descriptor++ % 0x7fff;
    return 1000 + answer;
  }

  // Names of any bytes, each ended as the kernel does; "." and the end come often.
  long list(u8* into, u64 room, u8 answer) {
    if (answer < 0x40) return 0;
    u64 used = 0;
    for (u32 left = answer % 4; left > 0; left--) {
      const u64 length = answers.next() % 40, size = (19 + length + 1 + 7) & ~7ull;
      if (used + size > room) break;
      memset(into + used, 0, size);
      const u16 record = static_cast<u16>(size);
      memcpy(into + used + 16, &record, sizeof record);
      answers.copy(into + used + 19, length);
      used += size;
    }
    return static_cast<long>(used);
  }

  long call(long number, long a, long b, long c, long d) {
    if (++calls > kMaximumCalls) end();
    if (number == __NR_exit && in_second) longjmp(second_over, 1);
    if (number == __NR_exit_group || number == __NR_exit) end();
    if (number == __NR_mmap) return allocate(static_cast<u64>(b));
    if (number == __NR_munmap) return release(reinterpret_cast<void*>(a));
    if (number == __NR_read && a == plan::kControlDescriptor) return static_cast<long>(socket.copy(reinterpret_cast<void*>(b), static_cast<u64>(c)));
    if (number == __NR_close) return 0;
    // Most calls succeed, or no plan would come far.
    const u8 answer = answers.next();
    if (answer >= 0xf0) return answers.error();
    switch (number) {
      case __NR_execve: end();
      case __NR_read: return static_cast<long>(answers.copy(reinterpret_cast<void*>(b), static_cast<u64>(c)));
      case __NR_recvmsg: return receive(*reinterpret_cast<kernel::Message*>(b));
      case __NR_readlinkat: return static_cast<long>(answers.copy(reinterpret_cast<void*>(c), static_cast<u64>(d) < answer ? static_cast<u64>(d) : answer));
      case __NR_getcwd:
        memcpy(reinterpret_cast<void*>(a), answer < 0x80 ? "/" : "(unreachable)/", 2);
        return 2;
      case __NR_newfstatat: {
        const char* path = reinterpret_cast<const char*>(b);
        describe(*reinterpret_cast<kernel::Stat*>(c), *path == 0 ? kinds[a & 255] : kind_of(path, false), answer);
        return 0;
      }
      case __NR_fstat: describe(*reinterpret_cast<kernel::Stat*>(b), kinds[a & 255], answer); return 0;
      case __NR_fstatfs: {
        reinterpret_cast<kernel::StatFs*>(b)->type = answer < 0x80 ? kinds[a & 255].filesystem : PROC_SUPER_MAGIC;
        return 0;
      }
      case __NR_getdents64: return list(reinterpret_cast<u8*>(b), static_cast<u64>(c), answer);
      case __NR_waitid: {
        auto* info = reinterpret_cast<kernel::SignalInfo*>(c);
        info->code = answer < 0x80 ? 1 /* CLD_EXITED */ : answer % 8;
        info->status = answer % 4;
        return 0;
      }
      case __NR_pipe2:
      case __NR_socketpair: {
        int* ends = reinterpret_cast<int*>(number == __NR_pipe2 ? a : d);
        ends[0] = next_descriptor++;
        ends[1] = next_descriptor++;
        return 0;
      }
      case __NR_ppoll: {
        auto* wanted = reinterpret_cast<kernel::Poll*>(a);
        for (long i = 0; i < b; i++) wanted[i].revents = answer < 0x80 ? 1 : static_cast<short>((answer >> i) & 1);
        return 1;
      }
      case __NR_clone:
        second = reinterpret_cast<void (*)(void*)>(c);
        argument = reinterpret_cast<void*>(d);
        return 1000;
      case __NR_sched_yield: run_second(); return 0;
      case __NR_clone3: return clone(*reinterpret_cast<clone_args*>(a), answer);
      case __NR_write:
      case __NR_sendto: return c;
      case __NR_openat: return open(reinterpret_cast<const char*>(b), static_cast<u64>(c));
      case __NR_openat2: return open(reinterpret_cast<const char*>(b), reinterpret_cast<const open_how*>(c)->flags);
      case __NR_open_tree:
      case __NR_fsopen:
      case __NR_fsmount:
      case __NR_memfd_create:
      case __NR_dup3:
      case __NR_fcntl: return next_descriptor++ % 0x7fff;
      default: return answer % 8 == 7 ? answer : 0;
    }
  }
};

FakeKernel* current = nullptr;

}  // namespace

long sys::raw(long number, long a, long b, long c, long d, long, long) { return current->call(number, a, b, c, d); }

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
  if (size < 2) return 0;
  FakeKernel fake;
  fake.answers = {data, data + size};
  fake.socket = fake.answers.part();
  current = &fake;
  long stack[8] = {};  // no arguments, no environment, no auxiliary vector
  if (setjmp(fake.over) == 0) init_main(stack);
  if (fake.second != nullptr && setjmp(fake.over) == 0) fake.run_second();  // it was refused its filter
  for (void* one : fake.memory) free(one);
  return 0;
}
