// The points at which init talks to the host and waits, and the hooks that run in the container. In process: init; the
// hooks are children of it, made without copying its memory.

#include <initializer_list>

#include "init/context.h"

// From the linker: where the program's pages begin, and where its instructions end.
extern "C" const char __executable_start, etext;

namespace {

Status wait_for_word(Context& context) {
  u8 word = 0;
  for (;;) {
    sys::Call got = CALL(read, context.control, &word, 1);
    if (got.error() == EINTR) continue;
    TRY(got, "host");
    // The host is gone: an unstarted container has nobody left to start it.
    return got.value == 1 ? Status{} : failure(ECONNRESET, "read", "host");
  }
}

Status tell(Context& context, plan::FrameType type) {
  plan::Frame frame{type, 0};
  return send_frame(context.control, &frame, sizeof frame, -1);
}

Status tell_created(Context& context) {
  struct {
    plan::Frame frame;
    Stamps::Stamp list[Stamps::kMaximum];
  } message;
  const u32 size = context.stamps.count * sizeof(Stamps::Stamp);
  message.frame = {plan::FrameType::created, size};
  __builtin_memcpy(message.list, context.stamps.list, size);
  return send_frame(context.control, &message, sizeof message.frame + size, -1);
}

struct Launch {
  const char* path;
  const char** argv;
  const char** envp;
  int input, output, error;
};

// In the child, whose memory is the parent's until the exec: system calls only.
[[noreturn]] void exec_hook(const Launch& launch, volatile int& problem) {
  CALL(dup3, launch.input, 0, 0);
  CALL(dup3, launch.output, 1, 0);
  CALL(dup3, launch.error, 2, 0);
  CALL(prctl, PR_SET_PDEATHSIG, kernel::kSigKill, 0, 0, 0);  // without a pid namespace it would outlive init
  problem = CALL(execve, launch.path, launch.argv, launch.envp).error();
  CALL(exit_group, 127);
  __builtin_unreachable();
}

__attribute__((noinline)) sys::Call vfork_hook(const Launch& launch, int& pidfd, volatile int& problem) {
  clone_args how{};
  how.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  how.pidfd = reinterpret_cast<u64>(&pidfd);
  how.exit_signal = kernel::kSigChld;
  sys::Call child = CALL(clone3, &how, sizeof how);
  if (child.value == 0) exec_hook(launch, problem);
  return child;
}

// Keep what the hook writes, up to the size of the buffer, until it ends or its time is over. Then one read more has all
// that may fit; a daemon that the hook left behind may go on writing for ever.
bool collect(int pidfd, int output, u32 timeout, TextBuffer<1024>& text) {
  kernel::TimeSpec now{}, deadline{};
  CALL(clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
  deadline.seconds = now.seconds + timeout;
  deadline.nanoseconds = now.nanoseconds;
  for (;;) {
    kernel::Poll wanted[2] = {{pidfd, kernel::kPollIn, 0}, {output, kernel::kPollIn, 0}};
    CALL(clock_gettime, 1, &now);
    kernel::TimeSpec left{deadline.seconds - now.seconds, deadline.nanoseconds - now.nanoseconds};
    if (left.nanoseconds < 0) left = {left.seconds - 1, left.nanoseconds + 1000000000};
    if (timeout != 0 && left.seconds < 0) return false;
    sys::Call ready = CALL(ppoll, wanted, 2, timeout == 0 ? nullptr : &left, nullptr, 8);
    if (ready.failed() && ready.error() != EINTR) return false;
    if (wanted[1].revents != 0) {
      char piece[sizeof text.data];
      sys::Call got = CALL(read, output, piece, sizeof piece);
      u32 room = static_cast<u32>(sizeof text.data) - 1 - text.size;
      u32 size = got.failed() ? 0 : static_cast<u32>(got.value);
      text.add(Text(piece, size < room ? size : room));
      if (size == 0) output = -1;  // closed: only its end is still awaited
      else if (wanted[0].revents == 0) continue;
    }
    if (wanted[0].revents != 0) return true;
  }
}

Status run_hook(Context& context, const Launch& launch, u32 timeout, Fd& reader, Fd& writer, Text path) {
  int raw_pidfd = -1;
  volatile int problem = 0;  // written by the child, in a function that the compiler knows not to return
  sys::Call child = vfork_hook(launch, raw_pidfd, problem);
  TRY(child, path);
  Fd pidfd(raw_pidfd);
  writer.reset();
  static TextBuffer<1024> output;
  output.truncate(0);
  bool in_time = collect(pidfd.get(), reader.get(), timeout, output);
  if (!in_time) CALL(pidfd_send_signal, pidfd.get(), kernel::kSigKill, nullptr, 0);
  kernel::SignalInfo info{};
  CALL(waitid, kernel::kPidfdWait, pidfd.get(), &info, kernel::kWaitExited, nullptr);
  context.detail = output.text();
  if (problem != 0) return failure(problem, "execve", path);
  if (!in_time) return failure(ETIMEDOUT, "waitid", path);
  constexpr int kExited = 1;  // CLD_EXITED
  if (info.code == kExited && info.status == 0) return {};
  return failure(ECHILD, info.code == kExited ? "exit" : "signal", path);
}

// A created container may wait for long, and there may be thousands: the pages of the stack that the mounts needed and
// those of the program are given back; the program's come again from the shared file when they are executed. This
// function waits in a segment of its own (the link flags say where), because the kernel maps the pages around the one
// that is executed, too.
__attribute__((always_inline)) inline void give_back_pages() {
  constexpr u64 kPage = 4096, kStack = 128 * 1024;
  constexpr int kDoNotNeed = 4;  // MADV_DONTNEED
  const u64 below = (reinterpret_cast<u64>(__builtin_frame_address(0)) - kPage) & ~(kPage - 1);
  const u64 text = reinterpret_cast<u64>(&__executable_start);
  CALL(madvise, below - kStack, kStack, kDoNotNeed);
  CALL(madvise, text, (reinterpret_cast<u64>(&etext) - text + kPage - 1) & ~(kPage - 1), kDoNotNeed);
}

__attribute__((section(".wait"), noinline)) long open_when_started(int proc, const char* fifo) {
  give_back_pages();
  long opened = -EINTR;
  while (opened == -EINTR) opened = CALL(openat, proc, fifo, O_WRONLY | O_CLOEXEC, 0).value;
  return opened;
}

// Until there is something to read. 0 when the host is gone.
__attribute__((section(".wait"), noinline)) long look_when_sent(int control) {
  give_back_pages();
  u8 byte = 0;
  long seen = -EINTR;
  while (seen == -EINTR) seen = CALL(recvfrom, control, &byte, 1, 2 /* MSG_PEEK */, nullptr, nullptr).value;
  return seen;
}

}  // namespace

Status await_runtime_hooks(Context& context, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  TRY(tell(context, plan::FrameType::ready));
  return wait_for_word(context);
}

Status await_cgroup(Context& context, plan::Reader& arguments) {
  return arguments.done() ? wait_for_word(context) : malformed();
}

// Files of the host's: no slots, which awaitStart closes, but closed by another one of these before the program, whose path
// may begin with /proc/self/fd (CVE-2024-21626).
Status hook_output(Context& context, plan::Reader& arguments) {
  const u32 slots[2] = {arguments.number(), arguments.number()};
  if (!arguments.done()) return malformed();
  for (u32 i = 0; i < 2; i++) {
    Fd& file = i == 0 ? context.hook_output : context.hook_error;
    file.reset();
    if (slots[i] == plan::kNoSlot) continue;
    Fd given;
    context.take_slot(slots[i], given);
    // Out of the way of the numbers 0 to 2, as what hooks get besides.
    TRY(file.take(CALL(fcntl, given.get(), F_DUPFD_CLOEXEC, 3)));
  }
  return {};
}

Status hook(Context& context, plan::Reader& arguments) {
  Launch launch{};
  u32 count = 0;
  Text path = arguments.text();
  TRY(make_pointers(arguments, 0, launch.argv, count));
  TRY(make_pointers(arguments, 0, launch.envp, count));
  u32 timeout = arguments.number();
  Text head = arguments.text(), tail = arguments.text();
  if (!arguments.done()) return malformed();
  launch.path = path.data;

  // The state goes through a memory file: a pipe would block on a large one.
  Fd state, reader, writer;
  TextBuffer<16> pid;
  pid.add_number(static_cast<u64>(context.pid));
  TRY(state.take(CALL(memfd_create, "state", 1 /* MFD_CLOEXEC */), path));
  for (Text part : {head, pid.text(), tail}) TRY(CALL(write, state.get(), part.data, part.size), path);
  TRY(CALL(lseek, state.get(), 0, 0), path);
  int ends[2];
  TRY(CALL(pipe2, ends, O_CLOEXEC), path);
  reader.reset(ends[0]);
  writer.reset(ends[1]);
  // Out of the way of the numbers 0 to 2, onto which the child copies them; no higher, RLIMIT_NOFILE may be low by now.
  TRY(state.take(CALL(fcntl, state.get(), F_DUPFD_CLOEXEC, 3), path));
  TRY(writer.take(CALL(fcntl, writer.get(), F_DUPFD_CLOEXEC, 3), path));
  launch.input = state.get();
  launch.output = context.hook_output.valid() ? context.hook_output.get() : writer.get();
  launch.error = context.hook_error.valid() ? context.hook_error.get() : writer.get();
  // Before the pivot the working directory is wherever the last mount was made; as in runc, the root file system.
  if (context.root.valid()) TRY(CALL(fchdir, context.root.get()), path);
  return run_hook(context, launch, timeout, reader, writer, path);
}

namespace {

// What is executed from here on is the container's choice, and a path, the first line of a script too, may begin with
// /proc/self/fd/N: through the host's /proc and its ".." it would lead to a program of the host (CVE-2024-21626). Closed
// on exec is too late, because the interpreter is opened before. What stays open is no directory.
void let_go(Context& context, u32 except) {
  for (Fd* fd : {&context.root, &context.null_device, &context.masked, &context.terminal, &context.covered, &context.mounted}) {
    fd->reset();
  }
  for (u32 i = 0; i < context.slot_count; i++) {
    if (i != except) context.close_slot(i);
  }
}

}  // namespace

// For a container of a pool: which program it will run is not known yet. The host's end of the socket is all that keeps
// it: when the process that made it is gone, it ends.
Status await_plan(Context& context, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  TRY(tell_created(context));
  let_go(context, plan::kNoSlot);
  context.slot_count = 0;
  const sys::Call seen{look_when_sent(context.control), "recvfrom"};
  TRY(seen, "host");
  return seen.value == 1 ? Status{} : failure(ECONNRESET, "recvfrom", "host");
}

// What awaitStart does for a program that starts at once.
Status close_descriptors(Context& context, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  let_go(context, plan::kNoSlot);
  context.proc.reset();
  return {};
}

// Opening the FIFO blocks until start opens its other end; the word through the socket is for a start in the process
// that created the container.
Status await_start(Context& context, plan::Reader& arguments) {
  u32 slot = arguments.number();
  if (!arguments.done()) return malformed();
  TRY(tell_created(context));
  let_go(context, slot);
  if (slot == plan::kNoSlot) {
    context.proc.reset();
    return wait_for_word(context);
  }
  TextBuffer<32> path;
  path.add("self/fd/").add_number(static_cast<u64>(context.slot(slot)));
  // From here on the creator may go away.
  CALL(close, context.control);
  context.control = -1;
  const sys::Call opened{open_when_started(context.proc.get(), path.data), "openat"};
  TRY(context.start_fifo.take(opened, "exec.fifo"));
  context.proc.reset();
  context.close_slot(slot);
  plan::Frame frame{plan::FrameType::started, 0};
  return status_of(CALL(write, context.start_fifo.get(), &frame, sizeof frame), "exec.fifo");
}
