// Entry of init: takes the plan from the control socket and executes it, operation by operation, in one switch.
// Runs as the container's first process; see context.h for what holds there.

#include "init/context.h"
#include "init/memory.h"
#include "plan/writer.h"

namespace {

Status read_exactly(int fd, void* into, u64 size) {
  u8* at = static_cast<u8*>(into);
  while (size > 0) {
    sys::Call got = CALL(read, fd, at, size);
    if (got.error() == EINTR) continue;
    TRY(got, "plan");
    if (got.value == 0) return failure(ECONNRESET, "read", "plan");
    at += got.value;
    size -= static_cast<u64>(got.value);
  }
  return {};
}

Status take_descriptors(Context& context, const kernel::Message& message, u32 wanted) {
  if (message.control_length == 0) return {};
  auto* header = static_cast<const kernel::ControlHeader*>(message.control);
  if (message.control_length < sizeof *header || header->type != 1) return failure(EPROTO, "recvmsg", "descriptors");
  u32 count = static_cast<u32>((header->length - sizeof *header) / 4);
  if (count == 0 || count > wanted - context.slot_count) return failure(EPROTO, "recvmsg", "descriptors");
  for (u32 i = 0; i < count; i++) {
    int fd;
    __builtin_memcpy(&fd, static_cast<const u8*>(message.control) + sizeof *header + 4 * i, 4);
    if (fd > 0x7fff) return failure(EMFILE, "recvmsg", "descriptors");
    context.slots[context.slot_count++] = static_cast<i16>(fd);
  }
  return {};
}

// SIZE bytes, and the descriptors that come with them, of which there may be MOST in all.
Status receive_exactly(Context& context, void* into, u64 size, u32 most) {
  u8* at = static_cast<u8*>(into);
  while (size > 0) {
    alignas(8) u8 control[sizeof(kernel::ControlHeader) + 4 * kernel::kDescriptorsPerMessage];
    kernel::Vector vector{at, size};
    kernel::Message message{nullptr, 0, 0, &vector, 1, control, sizeof control, 0, 0};
    sys::Call got = CALL(recvmsg, context.control, &message, kernel::kMessageCloseOnExec);
    if (got.error() == EINTR) continue;
    TRY(got, "plan");
    if (got.value == 0) return failure(ECONNRESET, "recvmsg", "plan");
    TRY(take_descriptors(context, message, most));
    at += got.value;
    size -= static_cast<u64>(got.value);
  }
  return {};
}

// Whatever the host process or code loaded into it left open, ignored or blocked is undone before anything else
// (CVE-2024-21626: a leaked descriptor of a host directory is a way out).
Status forget_inheritance(Context& context) {
  CALL(close_range, 0, plan::kControlDescriptor - 1, 0);
  TRY(CALL(close_range, plan::kControlDescriptor + 1, ~0u, 0));
  TRY(CALL(fcntl, plan::kControlDescriptor, F_SETFD, FD_CLOEXEC));
  context.control = plan::kControlDescriptor;
  struct {
    void* handler;
    u64 flags;
    void* restorer;
    u64 mask;
  } as_default{};
  for (u32 signal = 1; signal <= kernel::kSignals; signal++) {
    CALL(rt_sigaction, signal, &as_default, nullptr, 8);
  }
  u64 none = 0;
  TRY(CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &none, nullptr, 8));
  CALL(umask, 0);
  return {};
}

// Where the plan is; the next one gets memory of its own.
struct Memory {
  long start = 0;
  u64 size = 0;
};

Status receive_plan(Context& context, plan::Operations& operations, Memory& held) {
  plan::Bootstrap bootstrap{};
  TRY(receive_exactly(context, &bootstrap, sizeof bootstrap, plan::kMaximumDescriptors));
  if (bootstrap.magic != plan::kMagic || bootstrap.plan_size > plan::kMaximumSize ||
      bootstrap.descriptors > plan::kMaximumDescriptors) {
    return malformed();
  }
  context.pid = bootstrap.pid;
  if (context.slot_count > bootstrap.descriptors) return malformed();
  while (context.slot_count < bootstrap.descriptors) {
    const u32 before = context.slot_count;
    u8 byte = 0;
    TRY(receive_exactly(context, &byte, sizeof byte, bootstrap.descriptors));
    if (context.slot_count == before) return failure(EPROTO, "recvmsg", "descriptors");
  }
  constexpr int kReadWrite = 3, kPrivateAnonymous = 0x22;
  sys::Call memory = CALL(mmap, nullptr, bootstrap.plan_size + 1, kReadWrite, kPrivateAnonymous, -1, 0);
  TRY(memory, "plan");
  held = {memory.value, bootstrap.plan_size + 1};
  TRY(read_exactly(context.control, reinterpret_cast<void*>(memory.value), bootstrap.plan_size));
  operations = plan::Operations(reinterpret_cast<u8*>(memory.value), bootstrap.plan_size);
  return operations.valid() ? Status{} : malformed();
}

// After the maps are written: a process of the container must not look into this one (CVE-2016-9962), and /proc is
// fetched while it is the host's for certain.
Status prepare(Context& context) {
  TRY(CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
  TRY(context.proc.take(CALL(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/proc"));
  kernel::StatFs filesystem{};
  TRY(CALL(fstatfs, context.proc.get(), &filesystem), "/proc");
  return filesystem.type == PROC_SUPER_MAGIC ? Status{} : failure(EOPNOTSUPP, "fstatfs", "/proc");
}

Status run(Context& context, Operation operation, plan::Reader& arguments) {
  switch (operation) {
    case Operation::joinCgroup: return join_cgroup(context, arguments);
    case Operation::enterNamespace: return enter_namespace(context, arguments);
    case Operation::unshare: return unshare_namespaces(context, arguments);
    case Operation::fork: return fork_into_namespace(context, arguments);
    case Operation::becomeRoot: return become_root(context, arguments);
    case Operation::newSession: return new_session(context, arguments);
    case Operation::sessionKeyring: return session_keyring(context, arguments);
    case Operation::setHostname: return set_hostname(context, arguments);
    case Operation::setDomainname: return set_domainname(context, arguments);
    case Operation::loopbackUp: return loopback_up(context, arguments);
    case Operation::openTimeOffsets: return open_time_offsets(context, arguments);
    case Operation::setTimeOffsets: return set_time_offsets(context, arguments);
    case Operation::newUserNamespace: return new_user_namespace(context, arguments);
    case Operation::setPropagation: return set_propagation(context, arguments);
    case Operation::openRoot: return open_root(context, arguments);
    case Operation::attachRoot: return attach_root(context, arguments);
    case Operation::mount: return mount_filesystem(context, arguments);
    case Operation::bindMount: return bind_mount(context, arguments);
    case Operation::makeDevice: return make_device(context, arguments);
    case Operation::makeSymlink: return make_symlink(context, arguments);
    case Operation::makeDirectory: return make_directory(context, arguments);
    case Operation::maskPath: return mask_path(context, arguments);
    case Operation::readonlyPath: return readonly_path(context, arguments);
    case Operation::pivotRoot: return pivot_root(context, arguments);
    case Operation::moveRoot: return move_root(context, arguments);
    case Operation::changeRoot: return change_root(context, arguments);
    case Operation::rootPropagation: return root_propagation(context, arguments);
    case Operation::remountRootReadonly: return remount_root_readonly(context, arguments);
    case Operation::keepMount: return keep_mount(context, arguments);
    case Operation::remount: return remount(context, arguments);
    case Operation::remountBind: return remount_bind(context, arguments);
    case Operation::setAppArmorProfile: return set_apparmor_profile(context, arguments);
    case Operation::labelDirectory: return label_directory(context, arguments);
    case Operation::setSelinuxLabel: return set_selinux_label(context, arguments);
    case Operation::writeProc: return write_proc(context, arguments);
    case Operation::console: return console(context, arguments);
    case Operation::stdio: return stdio(context, arguments);
    case Operation::passDescriptor: return pass_descriptor(context, arguments);
    case Operation::rlimit: return set_rlimit(context, arguments);
    case Operation::umask: return set_umask(context, arguments);
    case Operation::noNewPrivileges: return no_new_privileges(context, arguments);
    case Operation::dropBounding: return drop_bounding(context, arguments);
    case Operation::setUser: return set_user(context, arguments);
    case Operation::setCapabilities: return set_capabilities(context, arguments);
    case Operation::changeDirectory: return change_directory(context, arguments);
    case Operation::findProgram: return find_program(context, arguments);
    case Operation::awaitRuntimeHooks: return await_runtime_hooks(context, arguments);
    case Operation::hookOutput: return hook_output(context, arguments);
    case Operation::hook: return hook(context, arguments);
    case Operation::awaitStart: return await_start(context, arguments);
    case Operation::awaitPlan: return await_plan(context, arguments);
    case Operation::closeDescriptors: return close_descriptors(context, arguments);
    case Operation::sendPidfd: return send_pidfd(context, arguments);
    case Operation::seccomp: return seccomp(context, arguments);
    case Operation::execute: return execute(context, arguments);
    case Operation::scheduler: return set_scheduler(context, arguments);
    case Operation::ioPriority: return set_io_priority(context, arguments);
    case Operation::affinity: return set_affinity(context, arguments);
    case Operation::personality: return set_personality(context, arguments);
    case Operation::memoryPolicy: return set_memory_policy(context, arguments);
    case Operation::awaitCgroup: return await_cgroup(context, arguments);
    default: return malformed();
  }
}

Memory plan_memory;

// Before init waits for the next plan, the memory of this one is given back; nothing of it is looked at any more.
Status retire_plan(plan::Item& item, plan::Operations& operations) {
  const bool whole = item.arguments.done() && operations.complete();
  item.field = {};
  item.arguments = {};
  operations = {};
  if (!whole) return malformed();
  return status_of(CALL(munmap, plan_memory.start, plan_memory.size), "plan");
}

[[noreturn]] void fail(Context& context, const plan::Item& item, const Status& status) {
  plan::FrameWriter frame(plan::FrameType::failed);
  frame.failure(item.index, item.operation, item.field, status, context.detail);
  if (context.start_fifo.valid()) CALL(write, context.start_fifo.get(), frame.data(), frame.size());
  // Also when nobody listens any more: nothing is left to do but end. A write, because that is what filters allow.
  CALL(write, context.control, frame.data(), frame.size());
  CALL(exit_group, 1);
  __builtin_unreachable();
}

}  // namespace

extern "C" [[noreturn]] void init_main(long* stack) {
  seed_stack_guard(stack);
  Context context;
  plan::Item item;
  plan::Operations operations;
  context.item = &item;
  Status status = forget_inheritance(context);
  if (status.ok()) status = receive_plan(context, operations, plan_memory);
  if (status.ok()) status = prepare(context);
  while (status.ok() && operations.next(item)) {
    context.stamps.mark(item.operation);
    const bool last = item.operation == Operation::awaitPlan;
    if (last) status = retire_plan(item, operations);
    if (status.ok()) status = run(context, item.operation, item.arguments);
    if (last && status.ok()) status = receive_plan(context, operations, plan_memory);
  }
  if (status.ok()) status = malformed();  // a good plan ends in execve
  fail(context, item, status);
}

// The kernel enters here; of what lies on the stack only the random bytes are wanted.
#if defined(NRUNC_FAKE_KERNEL)  // fuzz/init.cc calls it
#elif defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call init_main\n hlt\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n bl init_main\n brk #1\n");
#endif

Status malformed() { return failure(EPROTO, "read", "plan"); }
