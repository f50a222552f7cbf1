// Descriptors of init: which numbers it holds, frames to the host, and the program's standard streams.

#include "init/context.h"

namespace {

// Out of the way of the numbers that are usually wanted, where RLIMIT_NOFILE has room there: otherwise it may have to move
// again.
sys::Call copy_high(int fd) {
  sys::Call copy = CALL(fcntl, fd, F_DUPFD_CLOEXEC, 64);
  return copy.error() == EINVAL || copy.error() == EMFILE ? CALL(fcntl, fd, F_DUPFD_CLOEXEC, 3) : copy;
}

Status move_away(Fd& fd, int number) {
  if (fd.get() != number) return {};
  sys::Call copy = copy_high(number);
  TRY(copy);
  fd.reset(static_cast<int>(copy.value));
  return {};
}

// The copy keeps what is behind FROM while its number may be vacated; it can itself get the number that is wanted.
Status give(Context& context, int from, u32 number) {
  int target = static_cast<int>(number);
  if (from < 0) return malformed();
  Fd source;
  TRY(source.take(copy_high(from)));
  TRY(vacate(context, target));
  if (source.get() != target) return status_of(CALL(dup3, source.get(), target, 0));
  return status_of(CALL(fcntl, source.release(), F_SETFD, 0));
}

// The host's /dev/null is a file of a mount that the container does not have: what looks at its processes from inside (lsof,
// a checkpoint) cannot make anything of it. The container's own takes its place, unless that is something else by now.
bool is_null(int fd) {
  kernel::Stat status{};
  if (CALL(fstat, fd, &status).failed()) return false;
  return (status.mode & 0170000) == 0020000 && status.rdev == kernel::kNullDevice;
}

void reopen_null(int number, Fd& own) {
  if (!is_null(number)) return;
  if (!own.valid()) {
    Fd found;
    const Status there = found.take(CALL(openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!there.ok() || !is_null(found.get())) return;
    const Status opened = own.take(CALL(openat, AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!opened.ok() || !is_null(own.get())) return own.reset();
  }
  CALL(dup3, own.get(), number, 0);
}

}  // namespace

Status vacate(Context& context, int number) {
  if (context.control == number) {
    sys::Call copy = copy_high(number);
    TRY(copy);
    CALL(close, number);
    context.control = static_cast<int>(copy.value);
  }
  // All of them: one that was left out would be closed later under the number that the program has it under by then.
  Fd* const held[] = {&context.proc,         &context.root,       &context.null_device, &context.masked,
                      &context.terminal,     &context.covered,    &context.mounted,     &context.time_offsets,
                      &context.hook_output,  &context.hook_error, &context.start_fifo};
  for (Fd* fd : held) TRY(move_away(*fd, number));
  for (u32 i = 0; i < context.slot_count; i++) {
    if (context.slots[i] != number) continue;
    Fd slot(number);
    context.slots[i] = -1;
    TRY(move_away(slot, number));
    context.slots[i] = static_cast<i16>(slot.release());
  }
  return {};
}

Status send_frame(int descriptor, const void* frame, u32 size, int passed) {
  struct {
    kernel::ControlHeader header;
    int fd;
    int pad;
  } control{{sizeof(kernel::ControlHeader) + 4, 1, 1}, passed, 0};
  kernel::Vector vector{const_cast<void*>(frame), size};
  kernel::Message message{nullptr, 0, 0, &vector, 1, nullptr, 0, 0, 0};
  if (passed >= 0) {
    message.control = &control;
    message.control_length = sizeof control;
  }
  return status_of(CALL(sendmsg, descriptor, &message, kernel::kMessageNoSignal), "host");
}

Status stdio(Context& context, plan::Reader& arguments) {
  u32 wanted[3] = {arguments.number(), arguments.number(), arguments.number()};
  if (!arguments.done()) return malformed();
  for (u32 number = 0; number < 3; number++) {
    int from = context.terminal.valid() ? context.terminal.get() : context.slot(wanted[number]);
    TRY(give(context, from, number));
  }
  if (!context.terminal.valid()) {
    Fd own;
    for (int number = 0; number < 3; number++) reopen_null(number, own);
    return {};
  }
  constexpr u32 kSetControllingTerminal = 0x540e;  // TIOCSCTTY
  return status_of(CALL(ioctl, 0, kSetControllingTerminal, 0), "/dev/console");
}

Status pass_descriptor(Context& context, plan::Reader& arguments) {
  u32 slot = arguments.number(), number = arguments.number();
  return arguments.done() ? give(context, context.slot(slot), number) : malformed();
}
