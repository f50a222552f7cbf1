/**
 * Guards in the Node process, in C++.
 */
import type { Guard } from './guard.ts'

export const hostGuards: readonly Guard[] = [
  {
    name: 'init is sealed',
    changes: [
      ['addon/host/image.cc', '  TRY(CALL(fcntl, writable.get(), kAddSeals, kAllSeals), "init");\n', ''],
      ['addon/host/image.cc', 'return is_ours(status) && status', 'return is_ours(status) || status'],
    ],
    tests: ['security/hardening.test.ts', 'security/cve-2019-5736.test.ts'],
  },
  {
    name: 'init is known by its inode',
    changes: [['addon/host/image.cc', 'if (!shared().sealed || !shared().sealed->intact()) {', 'if (!shared().sealed) {']],
    tests: ['security/hardening.test.ts'],
  },
  {
    name: 'an init that is held open for writing is replaced',
    changes: [['addon/host/init-clone.cc', 'if (status.error != ETXTBSY || again)', 'if (true || again)']],
    tests: ['security/hardening.test.ts'],
  },
  {
    name: 'programs of the host leave the session keyring',
    changes: [['addon/host/program.cc', '  if (const int error = leave_keyring(program.keyring); error != 0) return error;\n', '  static_cast<void>(leave_keyring);\n']],
    tests: ['security/identity.test.ts'], title: 'keys in the', commandLine: true,
  },
  {
    name: 'setgroups is denied',
    changes: [['addon/host/idmap.cc', '  if (deny_setgroups != 0) TRY(write_proc(pid, "setgroups", "deny"));\n', '  static_cast<void>(deny_setgroups);\n']],
    tests: ['security/rootless.test.ts'], title: '8989', commandLine: true,
  },
  {
    name: 'a network device goes back by its own name',
    changes: [['addon/host/netdevice.cc', 'TRY(here.find(device, link));', 'TRY(here.find(device, link));\n    link.name = device.data;']],
    tests: ['security/net-devices.test.ts'], title: 'back as it was', commandLine: true,
  },
  {
    name: 'netlink: only the kernel is heard',
    changes: [
      ['addon/host/netlink.cc', 'CALL(connect, socket_', 'CALL(bind, socket_'],
      ['addon/host/netlink.cc', 'if (sender.nl_pid != 0) continue;', ''],
    ],
    tests: ['security/net-devices.test.ts'], title: 'makes up', commandLine: true,
  },
  {
    name: 'memory counts only while the call waits',
    changes: [['addon/host/trapped.cc', 'if (int over = still_waits(listener, call); over != 0) return over;', 'static_cast<void>(still_waits);\n  static_cast<void>(listener), static_cast<void>(call);']],
    tests: ['security/seccomp-notify.test.ts'],
  },
  {
    name: 'copies follow no link',
    changes: [
      ['addon/host/file-job.cc', 'O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)', 'O_PATH | O_CLOEXEC, 0)'],
      ['addon/host/file-job.cc', 'O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC', 'O_RDONLY | O_DIRECTORY | O_CLOEXEC'],
    ],
    tests: ['integration/files.test.ts'],
  },
  {
    name: 'a lease holds up nobody',
    changes: [['addon/host/file-job.cc', 'O_RDONLY | O_NONBLOCK', 'O_RDONLY']],
    tests: ['security/files.test.ts'], title: 'lease',
  },
  {
    name: 'the first process of an exec has ended when the end is told',
    changes: [['addon/host/reactor.cc', 'if (!watch.former.valid()) return post_', 'if (watch.reaps || !watch.former.valid()) return post_']],
    tests: ['integration/traced.test.ts'], title: 'has ended when',
  },
  {
    name: 'no memory is copied for an init',
    changes: [['addon/host/clone.cc', 'knows not to return\n  clone_args how{};\n  how.flags = flags | CLONE_VM | CLONE_VFORK', 'knows not to return\n  clone_args how{};\n  how.flags = flags']],
    tests: ['security/in-process.test.ts'], title: 'is not copied', commandLine: true,
  },
  {
    name: 'an init has its rights in a new user namespace',
    changes: [['addon/host/clone.cc', 'if (launch.ambient) raise_ambient();', 'if (launch.socket < 0) raise_ambient();']],
    tests: ['integration/user-namespace.test.ts'],
  },
  {
    name: 'descriptors of the library are closed on exec',
    changes: [['addon/binding/descriptors.cc', 'CALL(pipe2, ends, O_CLOEXEC)', 'CALL(pipe2, ends, 0)']],
    tests: ['security/in-process.test.ts'], title: 'would inherit',
  },
  {
    name: 'what takes its time is for other threads',
    changes: [['addon/binding/addon.cc', 'const bool started = host::start_thread([post = post_, work = std::move(work)] { post(work()); });', 'post_(work());\n  const bool started = true;']],
    tests: ['security/in-process.test.ts'], title: 'while a hook',
  },
  {
    name: 'an init from an unlinked file where there are no memory files',
    changes: [['addon/host/image.cc', 'made.error == EACCES || made.error == EPERM || made.error == ENOSYS', 'made.error == ENOSYS']],
    tests: ['security/in-process.test.ts'], title: 'unlinked', commandLine: true,
  },
  {
    name: 'no child subreaper',
    changes: [['addon/host/workers.cc', '    lock.unlock();\n    task();', '    lock.unlock();\n    syscall(SYS_prctl, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0);\n    task();'],
      ['addon/host/workers.cc', '#include "host/thread.h"', '#include <sys/syscall.h>\n#include <unistd.h>\n\n#include "host/thread.h"']],
    tests: ['security/in-process.test.ts'], title: 'subreaper',
  },
  {
    name: 'directory, mask and rights of the process stay',
    changes: [['addon/host/create.cc', 'int create_entry(const NewEntry& entry, Fd& file) {', 'int create_entry(const NewEntry& entry, Fd& file) {\n  CALL(umask, 0);']],
    tests: ['security/in-process.test.ts'], title: 'keeps its directory',
  },
  {
    name: 'environments of the addon have nothing in common',
    changes: [['addon/binding/addon.cc', 'Napi::Value Addon::Start(const Info& info) {', 'Napi::Value Addon::Start(const Info& info) {\n  static int started = 0;\n  if (started++ > 0) return result(info, -EAGAIN);']],
    tests: ['integration/side-by-side.test.ts'], title: 'worker threads have',
  },
]
