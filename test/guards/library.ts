/**
 * Guards in TypeScript.
 */
import type { Guard } from './guard.ts'

export const libraryGuards: readonly Guard[] = [
  {
    name: 'ids of the command line are decimal',
    changes: [['lib/cli/user.ts', '/^[0-9]{1,10}$/.test(text) && Number(text) <= highest', 'Number(text) <= highest']],
    tests: ['security/cve-2026-30892.test.ts'], title: '100,000',
  },
  {
    name: 'ids of exec are numbers',
    changes: [['lib/container/exec.ts', "typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 4294967294", 'id !== null']],
    tests: ['security/cve-2026-30892.test.ts'], title: 'the library refuses',
  },
  {
    name: 'ids of a config',
    changes: [['lib/spec/rules/process.ts', 'if (id === 4294967295)', 'if (id === 1.5)']],
    tests: ['security/cve-2026-30892.test.ts'], title: 'config',
  },
  {
    name: 'cgroups whose name is no text',
    changes: [['lib/cgroup/tree.ts', "return Buffer.concat([Buffer.from(directory as string), Buffer.from('/'), Buffer.from(name as string)])", 'return `${directory}/${text}`']],
    tests: ['security/cgroups.test.ts'], title: 'no text',
  },
  {
    name: 'cgroups that are deeper than a path',
    changes: [['lib/cgroup/tree.ts', 'const LONG = 2048', 'const LONG = 1 << 30']],
    tests: ['security/cgroups.test.ts'], title: '5,000',
  },
  {
    name: 'no cgroup of the host is writable',
    changes: [['lib/cgroup/mount.ts', 'const readonly = path === undefined ? MS.RDONLY : 0', 'const readonly: number = 0 as number']],
    tests: ['security/rootless.test.ts', 'unit/cgroup/mount.test.ts'], title: 'writ', commandLine: true,
  },
  {
    name: 'names of units',
    changes: [['lib/cgroup/systemd/unit.ts', '/^[\\w:.\\\\@-]{1,255}$/.test(unit)', 'unit !== field']],
    tests: ['unit/cgroup/systemd/unit.test.ts'],
  },
  {
    name: 'texts for the bus',
    changes: [['lib/cgroup/systemd/gvariant.ts', "if (text.includes('\\0')) throw new Error('a text has no NUL character')", '']],
    tests: ['unit/cgroup/systemd/properties.test.ts'],
  },
  {
    name: 'a process that is added stays below the cgroup of the container',
    changes: [['lib/cgroup/exec.ts', 'directory.startsWith(`${top}/`)', 'directory !== top']],
    tests: ['unit/cgroup/exec.test.ts'],
  },
  {
    name: 'the list of descriptors of a checkpoint is a file',
    changes: [['lib/checkpoint/files.ts', 'rmSync(path, { force: true }) // a link in its place is not followed', "if (path === '') rmSync(path)"], ['lib/checkpoint/files.ts', "mode: 0o600, flag: 'wx'", 'mode: 0o600']],
    tests: ['security/checkpoint.test.ts'], title: 'link in the place', commandLine: true,
  },
  {
    name: 'a container has a few threads for its files',
    changes: [['lib/files/threads.ts', 'all.running < LIMIT', 'all.running >= 0']],
    tests: ['security/files.test.ts'], title: 'threads',
  },
  {
    name: "files of a container are not for libuv's threads",
    changes: [['lib/files/read.ts', 'await jobs.read(file, size, Math.min(limit - size + 1, PIECE))',
      "await import('node:fs/promises').then(async (fs) => ({ bytes: await fs.readFile(`/proc/self/fd/${file.fd}`), end: true, jobs }))"]],
    tests: ['security/files.test.ts'], title: 'libuv',
  },
  {
    name: 'the limit of open files is not that of the process',
    changes: [['lib/plan/identity.ts', "if (!process.rlimits?.some(({ type }) => type === 'RLIMIT_NOFILE')) {", "if (process.rlimits === undefined && host.uid < 0) {"]],
    tests: ['integration/default-spec.test.ts'], title: 'limit',
  },
  {
    name: 'hooks have an environment of their own',
    changes: [['lib/plan/hooks.ts', "env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']", 'env ?? Object.entries(process.env).map(([name, value]) => `${name}=${value}`)']],
    tests: ['security/in-process.test.ts'], title: 'hooks',
  },
  {
    name: 'a path of a container has no zero byte',
    changes: [['lib/files/root.ts', "path.includes('\\0') || path === ''", "path === ''"]],
    tests: ['integration/files.test.ts'], title: 'no data',
  },
]
