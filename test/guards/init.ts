/**
 * Guards in the program that becomes the container's first process.
 */
import type { Guard } from './guard.ts'

export const initGuards: readonly Guard[] = [
  {
    name: 'paths are resolved inside the root',
    changes: [['addon/sys/resolve.cc', 'how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;', 'how.resolve = resolve;']],
    tests: ['security/cve-2019-18837.test.ts', 'security/cve-2026-41579.test.ts', 'security/cve-2025-31133.test.ts'],
  },
  {
    name: 'paths are resolved inside the root, races',
    changes: [['addon/sys/resolve.cc', 'how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;', 'how.resolve = resolve;']],
    tests: ['security/races.test.ts'], title: 'CVE-2021-30465',
  },
  {
    name: 'proc and sysfs only on an ordinary directory',
    changes: [['addon/init/mounts.cc', 'make_directories(context.root, destination, 0755, target, ordinary != 0)', 'make_directories(context.root, destination, 0755, target, false && ordinary != 0)']],
    tests: ['security/cve-2019-16884.test.ts'],
  },
  {
    name: 'no mount inside /proc',
    changes: [['addon/init/mounts.cc', 'return filesystem.type == PROC_SUPER_MAGIC ? failure(EPERM, "fstatfs", operand) : Status{};', 'return {};']],
    tests: ['security/cve-2019-16884.test.ts'],
  },
  {
    name: 'masks go by the descriptor of the mount',
    changes: [['addon/init/paths.cc', 'Status found = open_in_mount(context, mount, inside, O_PATH, target);\n  if (found.error == ENOENT || found.error == ENOTDIR) return {};\n  TRY(found);\n  kernel::Stat', 'static_cast<void>(mount), static_cast<void>(inside);\n  Status found = open_in_root(context.root, path, O_PATH, target);\n  if (found.error == ENOENT || found.error == ENOTDIR) return {};\n  TRY(found);\n  kernel::Stat']],
    tests: ['security/races.test.ts'], title: '/proc itself',
  },
  {
    name: 'a remount goes by the descriptor of the mount',
    changes: [['addon/init/mounts.cc', 'Status found = open_in_mount(context, slot, inside, O_PATH | O_DIRECTORY, target);', 'static_cast<void>(slot), static_cast<void>(inside);\n  Status found = open_in_root(context.root, destination, O_PATH | O_DIRECTORY, target);']],
    tests: ['security/races.test.ts'], title: 'becomes read-only', rounds: 4000,
  },
  {
    name: 'a remount below a mount stays in that',
    changes: [['addon/init/mounts.cc', 'Status found = open_in_mount(context, slot, inside, O_PATH, target);', 'static_cast<void>(slot), static_cast<void>(inside);\n  Status found = open_in_root(context.root, destination, O_PATH, target);']],
    tests: ['security/races.test.ts'], title: 'of a bind brings', commandLine: true,
  },
  {
    name: 'what is mounted is not looked up again',
    changes: [['addon/init/mounts.cc', 'return open_in_root(context.covered, "..", O_PATH | O_DIRECTORY, context.mounted);', 'return open_in_root(context.covered, ".", O_PATH | O_DIRECTORY, context.mounted);']],
    tests: ['integration/tmpcopyup.test.ts', 'integration/mount-options.test.ts'],
  },
  {
    name: 'descriptors are closed first of all',
    changes: [['addon/init/main.cc', '  TRY(CALL(close_range, plan::kControlDescriptor + 1, ~0u, 0));\n', '']],
    tests: ['security/cve-2024-21626.test.ts'],
  },
  {
    name: 'the working directory lies below the root',
    changes: [['addon/init/program.cc', "return current[0] == '/' ? Status{} : failure(ENOENT, \"getcwd\", path);", 'return {};']],
    tests: ['security/cve-2024-21626.test.ts'],
  },
  {
    name: 'no directory of the host is open at execve',
    changes: [
      ['addon/init/lifecycle.cc', 'void let_go(Context& context, u32 except) {\n', 'void let_go(Context& context, u32 except) {\n  if (except + 2 != 0) return;\n'],
      ['addon/init/lifecycle.cc', '  let_go(context, plan::kNoSlot);\n  context.proc.reset();\n  return {};', '  let_go(context, plan::kNoSlot);\n  return {};'],
      ['addon/init/lifecycle.cc', '    context.proc.reset();\n    return wait_for_word(context);', '    return wait_for_word(context);'],
    ],
    tests: ['security/interpreter.test.ts'],
  },
  {
    name: '/dev/null is the null device',
    changes: [['addon/init/paths.cc', 'return good ? Status{} : failure(ENODEV, "newfstatat", "/dev/null");', 'return static_cast<void>(good), Status{};']],
    tests: ['security/cve-2025-31133.test.ts'], commandLine: true,
  },
  {
    name: 'ptmx is that of a devpts',
    changes: [['addon/init/console.cc', 'return good ? Status{} : failure(ENODEV, "fstatfs", "/dev/pts/ptmx");', 'return static_cast<void>(good), Status{};']],
    tests: ['security/cve-2025-52565.test.ts'],
  },
  {
    name: '/dev/console is no link',
    changes: [['addon/init/console.cc', 'CALL(openat, parent.get(), name.data, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), "/dev/console"', 'CALL(openat, parent.get(), name.data, O_PATH | O_CLOEXEC, 0), "/dev/console"']],
    tests: ['security/cve-2025-52565.test.ts'],
  },
  {
    name: 'writes below /proc go to the host\'s',
    changes: [['addon/init/paths.cc', '  TRY(file.take(CALL(openat, context.proc.get(), path.data, O_WRONLY | O_CLOEXEC, 0), path));', '  PathBuffer whole;\n  whole.add("/proc/").add(path);\n  TRY(file.take(CALL(openat, AT_FDCWD, whole.data, O_WRONLY | O_CLOEXEC, 0), path));']],
    tests: ['security/cve-2025-52881.test.ts'],
  },
  {
    name: 'a terminal at /etc/passwd is not taken',
    changes: [['addon/init/program.cc', 'O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY', 'O_RDONLY | O_CLOEXEC | O_NONBLOCK']],
    tests: ['security/exec.test.ts'], title: 'a terminal at',
  },
  {
    name: 'a FIFO at /etc/passwd is not waited for',
    changes: [['addon/init/program.cc', 'O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY', 'O_RDONLY | O_CLOEXEC | O_NOCTTY']],
    tests: ['security/exec.test.ts'], title: 'a FIFO at',
  },
  {
    name: 'init cannot be looked into',
    changes: [
      ['addon/init/main.cc', '  TRY(CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));\n', ''],
      ['addon/init/identity.cc', 'return status_of(CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));', 'return {};'],
    ],
    tests: ['security/identity.test.ts'], title: '9962',
  },
  {
    name: 'no inheritable capability',
    changes: [
      ['addon/init/identity.cc', 'return capset(permitted, permitted, 0);', 'return capset(permitted, permitted, permitted);'],
      ['addon/init/identity.cc', 'inheritable & owned));', 'owned));'],
    ],
    tests: ['security/identity.test.ts'], title: '29162', commandLine: true,
  },
  {
    name: 'a socket whose other end has gone is an error',
    changes: [['addon/init/descriptors.cc', 'CALL(sendmsg, descriptor, &message, kernel::kMessageNoSignal)', 'CALL(sendmsg, descriptor, &message, 0)']],
    tests: ['security/sockets.test.ts'], title: 'is closed', commandLine: true,
  },
  {
    name: 'a session of its own',
    changes: [['addon/init/namespaces.cc', 'return status_of(CALL(setsid));', 'return {};']],
    tests: ['security/identity.test.ts'], title: '5226', commandLine: true,
  },
  {
    name: 'signals are as they are by default',
    changes: [['addon/init/main.cc', '    CALL(rt_sigaction, signal, &as_default, nullptr, 8);\n', '    static_cast<void>(as_default);\n']],
    tests: ['security/inside.test.ts'], commandLine: true,
  },
  {
    name: 'tmpcopyup follows no link',
    changes: [
      ['addon/init/copy.cc', 'how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;', 'how.resolve = 0;'],
      ['addon/init/copy.cc', 'how.flags = flags | O_NOFOLLOW | O_CLOEXEC;', 'how.flags = flags | O_CLOEXEC;'],
    ],
    tests: ['security/races.test.ts'], title: 'tmpcopyup',
  },
  {
    name: 'lengths of the plan',
    changes: [['addon/plan/reader.h', 'if (!ok_ || length > size_ - at_) {', 'if (!ok_) {']],
    tests: ['unit/plan/reader.test.ts'],
  },
  {
    name: 'no death signal',
    changes: [['addon/init/main.cc', '  CALL(umask, 0);\n  return {};', '  CALL(umask, 0);\n  CALL(prctl, 1 /* PR_SET_PDEATHSIG */, 9, 0, 0, 0);\n  return {};']],
    tests: ['integration/concurrency.test.ts', 'integration/side-by-side.test.ts'], title: 'terminated: its locks',
  },
]
