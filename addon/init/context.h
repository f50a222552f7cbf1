// What init remembers between the operations of a plan, and the operations themselves, one file a feature.
//
// Everything below runs in the container's first process (or in the process that exec adds): a static program without
// libc, single threaded, that allocates nothing. Until pivotRoot it sees the host's mounts and may use only paths that
// come from the config; inside the root file system it goes by descriptors from sys/resolve.h, because the root file
// system is hostile.
#pragma once

#include "plan/reader.h"
#include "sys/fd.h"
#include "sys/kernel.h"
#include "sys/resolve.h"

// When each run of operations of one kind began, CLOCK_MONOTONIC: one system call for each, about 2 us for a whole plan.
struct Stamps {
  static constexpr u32 kMaximum = 128;
  struct Stamp {
    u32 operation;
    u32 low, high;  // nanoseconds
  };
  Stamp list[kMaximum];
  u32 count = 0;

  void mark(Operation operation) {
    const u32 number = static_cast<u32>(operation);
    if (count == kMaximum || (count > 0 && list[count - 1].operation == number)) return;
    kernel::TimeSpec now{};
    CALL(clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
    const u64 nanoseconds = static_cast<u64>(now.seconds) * 1000000000 + static_cast<u64>(now.nanoseconds);
    list[count++] = {number, static_cast<u32>(nanoseconds), static_cast<u32>(nanoseconds >> 32)};
  }
};

// A filter that waits for its moment; in the memory of the plan.
struct Filter {
  const u8* program = nullptr;
  u32 size = 0;   // bytes
  u32 flags = 0;  // SECCOMP_FILTER_FLAG_*
  plan::Item item;
};

struct Context {
  i16 slots[plan::kMaximumDescriptors];  // numbers, -1 once used up; not initialised, that would touch its memory
  u32 slot_count = 0;
  plan::Item* item = nullptr;  // the operation that is executed
  i32 pid = 0;      // of this process, as the host sees it
  int control = -1; // the socket to the host
  Fd proc;          // the host's /proc, opened before the container had any say
  Fd root;          // the root file system; after the pivot the same as `/`
  Fd null_device;   // the host's /dev/null, checked
  Fd masked;        // the empty read-only tmpfs that covers masked directories
  Fd terminal;      // the slave of the console
  Fd covered;       // the directory that the last mount was made on, or
  Fd mounted;       // that mount itself
  Fd time_offsets;  // between openTimeOffsets and setTimeOffsets
  Fd hook_output;   // where hooks write, instead of into their errors; closed before the program is executed
  Fd hook_error;
  Fd start_fifo;    // open while startContainer hooks run, so that their failure can be told
  PathBuffer program;  // found by findProgram
  Text detail;         // what a failed hook wrote
  Filter filter;       // to be loaded right before execve
  Stamps stamps;       // sent with `created`

  [[nodiscard]] int slot(u32 index) const { return index < slot_count ? slots[index] : -1; }
  void take_slot(u32 index, Fd& out) {
    out.reset(slot(index));
    if (index < slot_count) slots[index] = -1;
  }
  // Slots that the host has not filled are for what init keeps.
  [[nodiscard]] bool fill_slot(u32 index, Fd& fd) {
    if (index >= plan::kMaximumDescriptors || fd.get() > 0x7fff) return false;
    while (slot_count <= index) slots[slot_count++] = -1;
    close_slot(index);
    slots[index] = static_cast<i16>(fd.release());
    return true;
  }
  void close_slot(u32 index) {
    if (slot(index) < 0) return;
    CALL(close, slots[index]);
    slots[index] = -1;
  }
};

// Move the internal descriptor that has this number elsewhere, so that the number is free to be given away.
Status vacate(Context& context, int number);

Status join_cgroup(Context& context, plan::Reader& arguments);
Status enter_namespace(Context& context, plan::Reader& arguments);
Status unshare_namespaces(Context& context, plan::Reader& arguments);
Status fork_into_namespace(Context& context, plan::Reader& arguments);
Status become_root(Context& context, plan::Reader& arguments);
Status new_session(Context& context, plan::Reader& arguments);
Status session_keyring(Context& context, plan::Reader& arguments);
Status set_hostname(Context& context, plan::Reader& arguments);
Status set_domainname(Context& context, plan::Reader& arguments);
Status loopback_up(Context& context, plan::Reader& arguments);
Status open_time_offsets(Context& context, plan::Reader& arguments);
Status set_time_offsets(Context& context, plan::Reader& arguments);
Status new_user_namespace(Context& context, plan::Reader& arguments);

Status set_propagation(Context& context, plan::Reader& arguments);
Status open_root(Context& context, plan::Reader& arguments);
Status attach_root(Context& context, plan::Reader& arguments);
Status pivot_root(Context& context, plan::Reader& arguments);
Status move_root(Context& context, plan::Reader& arguments);
Status change_root(Context& context, plan::Reader& arguments);
Status root_propagation(Context& context, plan::Reader& arguments);
Status remount_root_readonly(Context& context, plan::Reader& arguments);

Status mount_filesystem(Context& context, plan::Reader& arguments);
Status bind_mount(Context& context, plan::Reader& arguments);
Status keep_mount(Context& context, plan::Reader& arguments);
Status remount(Context& context, plan::Reader& arguments);
Status remount_bind(Context& context, plan::Reader& arguments);
Status make_device(Context& context, plan::Reader& arguments);
Status make_symlink(Context& context, plan::Reader& arguments);
Status make_directory(Context& context, plan::Reader& arguments);
Status mask_path(Context& context, plan::Reader& arguments);
Status readonly_path(Context& context, plan::Reader& arguments);
Status write_proc(Context& context, plan::Reader& arguments);
Status set_apparmor_profile(Context& context, plan::Reader& arguments);
Status set_selinux_label(Context& context, plan::Reader& arguments);
Status label_directory(Context& context, plan::Reader& arguments);

Status console(Context& context, plan::Reader& arguments);
Status stdio(Context& context, plan::Reader& arguments);
Status pass_descriptor(Context& context, plan::Reader& arguments);
Status set_rlimit(Context& context, plan::Reader& arguments);
Status set_umask(Context& context, plan::Reader& arguments);
Status no_new_privileges(Context& context, plan::Reader& arguments);
Status drop_bounding(Context& context, plan::Reader& arguments);
Status set_user(Context& context, plan::Reader& arguments);
Status set_capabilities(Context& context, plan::Reader& arguments);
Status change_directory(Context& context, plan::Reader& arguments);
Status find_program(Context& context, plan::Reader& arguments);
Status set_scheduler(Context& context, plan::Reader& arguments);
Status set_io_priority(Context& context, plan::Reader& arguments);
Status set_affinity(Context& context, plan::Reader& arguments);
Status set_personality(Context& context, plan::Reader& arguments);
Status set_memory_policy(Context& context, plan::Reader& arguments);
Status hook_output(Context& context, plan::Reader& arguments);
Status hook(Context& context, plan::Reader& arguments);
Status await_cgroup(Context& context, plan::Reader& arguments);
Status await_runtime_hooks(Context& context, plan::Reader& arguments);
Status await_start(Context& context, plan::Reader& arguments);
Status await_plan(Context& context, plan::Reader& arguments);
Status close_descriptors(Context& context, plan::Reader& arguments);
Status send_pidfd(Context& context, plan::Reader& arguments);
Status seccomp(Context& context, plan::Reader& arguments);
Status execute(Context& context, plan::Reader& arguments);

// Shared by several features.
Status malformed();
Status open_null_device(Context& context);
Status open_in_mount(Context& context, u32 slot, Text path, u64 flags, Fd& out);
Status attach_tree(const Fd& tree, const Fd& target, Text operand);
Status copy_tree(const Fd& from, const Fd& into, Text operand);
Status refuse_proc(const Fd& target, Text operand);
Status send_frame(int descriptor, const void* frame, u32 size, int passed);
Status make_pointers(plan::Reader& arguments, u32 extra, const char**& pointers, u32& count);
void wait_for(int pid);
Status load_filter(Context& context);
