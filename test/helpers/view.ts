/**
 * What a process finds itself in, in a form that can be compared with a list: what differs from run to run (ids, inode
 * numbers) is replaced by what it means.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseMountTable } from './mountinfo.ts'
import { bitsOf, type Probed } from './probe.ts'

/** The lines of /proc/PID/status that say what a process is and may; proc_pid_status(5). */
const lines = [
  'Name', 'State', 'PPid', 'TracerPid', 'Uid', 'Gid', 'Groups', 'NStgid', 'NSpgid', 'NSsid', 'Threads', 'SigPnd', 'ShdPnd', 'SigBlk', 'SigIgn', 'SigCgt',
  'NoNewPrivs', 'Seccomp', 'Seccomp_filters',
] as const

const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'] as const

/** `/dev/pts devpts rw,nosuid,noexec`: path, type, flags of the mount, what of the file system if not all of it, propagation. */
function mountsOf(text: string): string[] {
  return parseMountTable(text).map(({ path, type, options, root, propagation }) =>
    [path, type, options.join(','), ...(root === '/' ? [] : [`of ${root}`]), ...propagation].join(' '))
}

/** `own` or `host` for every namespace. */
const namespacesOf = (found: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(found).map(([name, target]) =>
    [name, target === readlinkSync(`/proc/self/ns/${name}`) ? 'host' : target === '' ? 'unknown' : 'own']))

export function viewOf(probed: Probed) {
  const { status, files, keyring, limits, ...rest } = probed
  return {
    ...rest,
    descriptors: Object.fromEntries(Object.entries(probed.descriptors).map(([fd, target]) => [fd, target.replace(/:\[\d+\]$/, '')])),
    status: Object.fromEntries(lines.map((name) => [name, (status[name] ?? '').trim().replace(/\s+/g, ' ')])),
    capabilities: Object.fromEntries(sets.map((name) => [name, bitsOf(status[name])])),
    limits: Object.fromEntries(Object.entries(limits).map(([number, pair]) => [number, pair.join(' ')])),
    namespaces: namespacesOf(probed.namespaces),
    files: Object.fromEntries(Object.entries(files).filter(([name]) => name !== 'mountinfo')
      .map(([name, text]) => [name, text.trim().replace(/[ \t]+/g, ' ')])),
    mounts: mountsOf(files['mountinfo'] ?? ''),
    keyring: keyring.replace(/;_ses\..*/, ';_ses.ID'),
  }
}

/** Type and flags that a bind mount of the host's PATH has, and what of its file system it is; as in {@link viewOf}. */
export function bindOf(path: string): string {
  const inside = (at: string): boolean => at === '/' || path === at || path.startsWith(`${at}/`)
  const found = parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ path: at }) => inside(at))
    .reduce((best, one) => one.path.length >= best.path.length ? one : best)
  const root = join(found.root, relative(found.path, path))
  return [found.type, found.options.join(','), ...(root === '/' ? [] : [`of ${root}`])].join(' ')
}

/** The limits of this process in the numbers of getrlimit(2), but for that of open files, which Node has changed. */
export function hostLimits(): Record<string, string> {
  const order = [
    'Max cpu time', 'Max file size', 'Max data size', 'Max stack size', 'Max core file size', 'Max resident set', 'Max processes',
    'Max open files', 'Max locked memory', 'Max address space', 'Max file locks', 'Max pending signals', 'Max msgqueue size',
    'Max nice priority', 'Max realtime priority', 'Max realtime timeout',
  ]
  const text = readFileSync('/proc/self/limits', 'latin1')
  const infinity = String(2n ** 64n - 1n)
  return Object.fromEntries(order.map((name, number) => {
    const [, soft = '', hard = ''] = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text) ?? []
    return [String(number), `${soft} ${hard}`.replaceAll('unlimited', infinity)]
  }))
}
