// The terminal of the process: a pty of the container's own devpts. In process: init, in the container's mount namespace;
// for create after the mounts and before the pivot, for exec after the mount namespace was joined.

#include "init/context.h"

namespace {

constexpr u32 kUnlock = 0x40045431;      // TIOCSPTLCK
constexpr u32 kPeer = 0x5441;            // TIOCGPTPEER
constexpr u32 kNumber = 0x80045430;      // TIOCGPTN
constexpr u32 kSetWindowSize = 0x5414;   // TIOCSWINSZ
constexpr u32 kGetSettings = 0x5401;     // TCGETS
constexpr u32 kSetSettings = 0x5402;     // TCSETS
constexpr u32 kMapLineFeed = 4;          // ONLCR

// The container may have put anything at /dev/pts/ptmx (CVE-2025-52565).
Status check_ptmx(const Fd& master) {
  kernel::StatFs filesystem{};
  kernel::Stat status{};
  TRY(CALL(fstatfs, master.get(), &filesystem), "/dev/pts/ptmx");
  TRY(CALL(fstat, master.get(), &status), "/dev/pts/ptmx");
  const bool good = filesystem.type == DEVPTS_SUPER_MAGIC && (status.mode & 0170000) == 0020000 &&
                    status.rdev == kernel::kPtmxDevice;
  return good ? Status{} : failure(ENODEV, "fstatfs", "/dev/pts/ptmx");
}

Status open_pty(Context& context, Fd& master) {
  if (!context.root.valid()) {
    TRY(context.root.take(CALL(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/"));
  }
  TRY(open_in_root(context.root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, master, true));
  TRY(check_ptmx(master));
  int locked = 0;
  TRY(CALL(ioctl, master.get(), kUnlock, &locked), "/dev/pts/ptmx");
  return context.terminal.take(CALL(ioctl, master.get(), kPeer, O_RDWR | O_NOCTTY | O_CLOEXEC), "/dev/pts");
}

// The terminal that shows this one adds the carriage returns.
Status keep_line_feeds(const Fd& terminal) {
  struct {
    u32 input, output, control, local;
    u8 rest[44];
  } settings{};
  TRY(CALL(ioctl, terminal.get(), kGetSettings, &settings), "terminal");
  settings.output &= ~kMapLineFeed;
  return status_of(CALL(ioctl, terminal.get(), kSetSettings, &settings), "terminal");
}

Status mount_on_console(Context& context) {
  Fd target, tree, parent;
  Text name;
  TRY(make_parent(context.root, "/dev/console", parent, name));
  sys::Call made = CALL(openat, parent.get(), name.data, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0666);
  if (made.failed() && made.error() != EEXIST) return status_of(made, "/dev/console");
  if (!made.failed()) CALL(close, made.value);
  TRY(target.take(CALL(openat, parent.get(), name.data, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), "/dev/console"));
  kernel::Stat status{};
  TRY(CALL(newfstatat, target.get(), "", &status, AT_EMPTY_PATH), "/dev/console");
  if ((status.mode & 0170000) == 0120000) return failure(ELOOP, "openat", "/dev/console");
  TRY(tree.take(CALL(open_tree, context.terminal.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
                "/dev/console"));
  return attach_tree(tree, target, "/dev/console");
}

// To a console socket goes the name of the terminal as data, to the host a frame; both carry the master.
Status send_master(Context& context, const Fd& master, u32 receiver) {
  if (receiver == plan::kNoSlot) {
    plan::Frame frame{plan::FrameType::console, 0};
    return send_frame(context.control, &frame, sizeof frame, master.get());
  }
  u32 number = 0;
  TRY(CALL(ioctl, master.get(), kNumber, &number), "/dev/pts");
  TextBuffer<32> name;
  name.add("/dev/pts/").add_number(number);
  const Status sent = send_frame(context.slot(receiver), name.data, name.size, master.get());
  return sent.ok() ? sent : failure(sent.error, sent.call, "console socket");
}

}  // namespace

Status console(Context& context, plan::Reader& arguments) {
  u32 receiver = arguments.number(), rows = arguments.number(), columns = arguments.number();
  u32 with_console = arguments.number(), line_feeds = arguments.number();
  if (!arguments.done()) return malformed();
  Fd master;
  TRY(open_pty(context, master));
  if (rows != 0 || columns != 0) {
    kernel::WindowSize size{static_cast<u16>(rows), static_cast<u16>(columns), 0, 0};
    TRY(CALL(ioctl, master.get(), kSetWindowSize, &size), "window size");
  }
  if (line_feeds != 0) TRY(keep_line_feeds(context.terminal));
  if (with_console != 0) TRY(mount_on_console(context));
  return send_master(context, master, receiver);
}
