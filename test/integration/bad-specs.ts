/**
 * Specs, and files that are none, which no container can be made of; and what is said about each.
 */
import type { ErrorCode } from '../../lib/index.ts'
import type { TestSpec } from '../helpers/containers.ts'

export interface BadSpec {
  readonly name: string
  readonly code: ErrorCode
  /** A part of the message, in runc's words where runc has some; `BUNDLE` stands for the bundle. */
  readonly message: string
  readonly field?: string
  readonly errno?: string
  /** Changes the spec, or what is written instead of it, or removes the file. */
  readonly change?: (spec: TestSpec) => void
  readonly text?: string
  readonly absent?: true
}

export const badSpecs: readonly BadSpec[] = [
  { name: 'no config.json', absent: true, code: 'ERR_CONFIG_READ', message: 'config.json not found', errno: 'ENOENT' },
  {
    name: 'config.json that is not JSON',
    text: '{"ociVersion": "1.0.0",\n  "process": {]}',
    code: 'ERR_CONFIG_PARSE',
    message: 'config.json: 2:15: ',
  },
  { name: 'an empty config.json', text: '', code: 'ERR_CONFIG_PARSE', message: 'config.json: 1:1: ' },
  {
    name: 'config.json that is no object',
    text: '[1]',
    code: 'ERR_CONFIG_INVALID',
    message: 'must be an object, not an array',
    field: '',
  },
  {
    name: 'an unknown namespace type',
    code: 'ERR_CONFIG_INVALID',
    message: '"nosuch"',
    field: '/linux/namespaces/5/type',
    change: ({ linux }) => linux.namespaces.push({ type: 'nosuch' as 'pid' }),
  },
  {
    name: 'a namespace twice',
    code: 'ERR_CONFIG_INVALID',
    message: 'malformed spec file: duplicated ns "pid"',
    field: '/linux/namespaces/5/type',
    change: ({ linux }) => linux.namespaces.push({ type: 'pid' }),
  },
  {
    name: 'a namespace file that does not exist',
    code: 'ERR_HOST',
    message: '"/no/such/ns"',
    errno: 'ENOENT',
    field: '/linux/namespaces/1/path',
    change: ({ linux }) => {
      linux.namespaces[1]!.path = '/no/such/ns'
    },
  },
  {
    name: 'a namespace file of another type',
    code: 'ERR_HOST',
    message: '"/proc/self/ns/uts"',
    errno: 'EINVAL',
    field: '/linux/namespaces/1/path',
    change: ({ linux }) => {
      linux.namespaces[1]!.path = '/proc/self/ns/uts'
    },
  },
  {
    name: 'a root file system that does not exist',
    code: 'ERR_INIT',
    field: '/root/path',
    errno: 'ENOENT',
    message: 'invalid rootfs: stat BUNDLE/nowhere: no such file or directory',
    change: ({ root }) => {
      root.path = 'nowhere'
    },
  },
  {
    name: 'a root file system that is a file',
    code: 'ERR_INIT',
    field: '/root/path',
    errno: 'ENOTDIR',
    message: 'BUNDLE/config.json',
    change: ({ root }) => {
      root.path = 'config.json'
    },
  },
  {
    name: 'a command that is in no directory of PATH',
    code: 'ERR_PROGRAM',
    field: '/process/args/0',
    errno: 'ENOENT',
    message: 'exec: "nosuch": executable file not found in $PATH',
    change: ({ process }) => {
      process.args = ['nosuch']
    },
  },
  {
    name: 'a command by a path that does not exist',
    code: 'ERR_PROGRAM',
    field: '/process/args/0',
    errno: 'ENOENT',
    message: 'exec: "/no/such": stat /no/such: no such file or directory',
    change: ({ process }) => {
      process.args = ['/no/such']
    },
  },
  {
    name: 'a command that is not executable',
    code: 'ERR_PROGRAM',
    field: '/process/args/0',
    errno: 'EACCES',
    message: 'exec: "/etc/passwd": permission denied',
    change: ({ process }) => {
      process.args = ['/etc/passwd']
    },
  },
  {
    name: 'a command that is a directory',
    code: 'ERR_PROGRAM',
    field: '/process/args/0',
    errno: 'EISDIR',
    message: 'exec: "/bin": is a directory',
    change: ({ process }) => {
      process.args = ['/bin']
    },
  },
  {
    name: 'no command',
    code: 'ERR_CONFIG_INVALID',
    field: '/process/args',
    message: 'args must not be empty',
    change: ({ process }) => {
      process.args = []
    },
  },
  {
    name: 'a working directory that is not absolute',
    code: 'ERR_CONFIG_INVALID',
    field: '/process/cwd',
    message: 'cwd must be an absolute path',
    change: ({ process }) => {
      process.cwd = 'here'
    },
  },
  {
    name: 'a working directory that is a file',
    code: 'ERR_INIT',
    field: '/process/cwd',
    message: '/etc/passwd',
    errno: 'ENOTDIR',
    change: ({ process }) => {
      process.cwd = '/etc/passwd'
    },
  },
  {
    name: 'a mount whose source does not exist',
    code: 'ERR_INIT',
    field: '/mounts/7',
    message: '/no/such/source',
    errno: 'ENOENT',
    change: ({ mounts }) => mounts.push({ destination: '/tmp', source: '/no/such/source', options: ['bind'] }),
  },
  {
    name: 'a mount of an unknown file system',
    code: 'ERR_INIT',
    field: '/mounts/7',
    message: 'cannot mount "/tmp"',
    errno: 'ENODEV',
    change: ({ mounts }) => mounts.push({ destination: '/tmp', type: 'nosuchfs', source: 'none' }),
  },
  {
    name: 'a mount with an option that its file system refuses',
    code: 'ERR_INIT',
    field: '/mounts/7',
    message: 'cannot mount "/tmp"',
    errno: 'EINVAL',
    change: ({ mounts }) =>
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuchoption=1'] }),
  },
  {
    name: 'an unknown limit',
    code: 'ERR_CONFIG_INVALID',
    field: '/process/rlimits/1/type',
    message: 'wrong rlimit value: RLIMIT_NOSUCH',
    change: ({ process }) => process.rlimits?.push({ type: 'RLIMIT_NOSUCH', soft: 1, hard: 1 }),
  },
  {
    name: 'an unknown sysctl',
    code: 'ERR_INIT',
    field: '/linux/sysctl/net.nosuch.key',
    message: 'net/nosuch/key',
    errno: 'ENOENT',
    change: ({ linux }) => {
      linux.sysctl = { 'net.nosuch.key': '1' }
    },
  },
  {
    name: 'a sysctl of the host',
    code: 'ERR_CONFIG_INVALID',
    field: '/linux/sysctl/kernel.core_pattern',
    message: 'is not in a separate kernel namespace',
    change: ({ linux }) => {
      linux.sysctl = { 'kernel.core_pattern': 'x' }
    },
  },
  {
    name: 'a class of service that would be another directory',
    code: 'ERR_CONFIG_INVALID',
    field: '/linux/intelRdt/closID',
    message: 'invalid intelRdt.ClosID "../x"',
    change: ({ linux }) => {
      linux.intelRdt = { closID: '../x' }
    },
  },
  {
    name: 'a NUL byte',
    code: 'ERR_CONFIG_INVALID',
    field: '/process/args/1',
    message: 'null byte',
    change: ({ process }) => process.args.push('a\0b'),
  },
]
