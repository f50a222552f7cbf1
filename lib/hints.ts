/**
 * What usually helps against a failure, in a sentence, where the error alone does not say it.
 */
import type { ErrorCode } from './errors.ts'

interface Failure {
  readonly code: ErrorCode
  readonly errno?: string | undefined
  readonly step?: string | undefined
}

interface Rule {
  readonly code?: ErrorCode
  readonly errno?: readonly string[]
  readonly step?: readonly string[]
  readonly hint: string
}

/** The first that fits counts; what a rule does not name may be anything. */
export const hints: readonly Rule[] = [
  {
    code: 'ERR_HOST', step: ['clone'], errno: ['EPERM', 'EACCES'],
    hint: 'namespaces need root or a user namespace; for others than root: rootlessSpec(), nrunc spec --rootless',
  },
  {
    code: 'ERR_HOST', step: ['clone'], errno: ['ENOSPC', 'EUSERS'],
    hint: 'a limit on namespaces is reached: /proc/sys/user/max_*_namespaces',
  },
  { code: 'ERR_HOST', step: ['clone'], errno: ['EAGAIN'], hint: 'a limit on processes is reached: ulimit -u, pids.max of this cgroup' },
  {
    code: 'ERR_HOST', step: ['mapIds'],
    hint: 'others than root map their own id only, or ranges of /etc/subuid and /etc/subgid with newuidmap and newgidmap',
  },
  {
    code: 'ERR_CGROUP', errno: ['EACCES', 'EPERM', 'EROFS'],
    hint: 'this process may not write there: run as root, have the cgroup delegated, or name one in linux.cgroupsPath that may be written',
  },
  { code: 'ERR_CGROUP', errno: ['EBUSY'], hint: 'another container or program uses this cgroup: choose another linux.cgroupsPath' },
  { code: 'ERR_PROGRAM', errno: ['ENOENT'], hint: 'the program must be in the root file system of the container, with its interpreter and libraries' },
  { code: 'ERR_PROGRAM', errno: ['EACCES'], hint: 'the file is not executable for this user, or its mount has the option noexec' },
  { code: 'ERR_PROGRAM', errno: ['ENOEXEC'], hint: 'a script needs #! in its first line, a program the architecture of this machine' },
  { code: 'ERR_INIT', step: ['openRoot'], errno: ['ENOENT', 'ENOTDIR'], hint: 'root.path is relative to the bundle, and must be a directory' },
  { code: 'ERR_INIT', step: ['mount', 'bindMount'], errno: ['ENOENT'], hint: 'the source of a bind mount must exist on the host' },
  { code: 'ERR_INIT', step: ['mount'], errno: ['ENODEV'], hint: 'this kernel does not have the file system: see /proc/filesystems' },
  {
    code: 'ERR_INIT', step: ['mount'], errno: ['EPERM'],
    hint: 'in a user namespace proc and sysfs need their own pid or network namespace, and most file systems cannot be mounted',
  },
  { code: 'ERR_CONFIG_READ', errno: ['ENOENT'], hint: 'a bundle is a directory with config.json in it; nrunc spec writes one' },
  { code: 'ERR_ID_EXISTS', hint: 'take another id, or delete that container' },
  { code: 'ERR_NOT_FOUND', hint: 'containers are looked for below one state root: the option root, --root' },
  { errno: ['EMFILE'], hint: 'this process has too many descriptors open: ulimit -n' },
  { errno: ['ENFILE'], hint: 'the machine has too many descriptors open: /proc/sys/fs/file-max' },
  { errno: ['ENOSPC'], hint: 'the file system is full, or a limit is reached' },
]

const fits = (wanted: readonly string[] | undefined, found: string | undefined): boolean =>
  wanted === undefined || (found !== undefined && wanted.includes(found))

/** Undefined when there is none. */
export const hintFor = ({ code, errno, step }: Failure): string | undefined =>
  hints.find((rule) => (rule.code ?? code) === code && fits(rule.errno, errno) && fits(rule.step, step))?.hint
