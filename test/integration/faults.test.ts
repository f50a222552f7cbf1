/**
 * The command line killed, or refused, at each of its system calls in turn: whatever is left goes with `delete --force`.
 * `npm run test:faults` (NRUNC_TEST_FAULTS=all) tries every one of them, otherwise a sample is taken.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { StateFile } from '../../lib/state/file.ts'
import { useSandbox } from '../helpers/containers.ts'
import { inject, type Injected, survey } from '../helpers/inject.ts'
import { nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const all = process.env['NRUNC_TEST_FAULTS'] === 'all'
const patience = all ? 7_200_000 : 600_000

/** The memory, threads and signals of Node itself: without them it ends, and that is what SIGKILL stands for. */
const ofNode = new Set([
  'mmap', 'munmap', 'mprotect', 'madvise', 'brk', 'futex', 'sched_yield', 'rseq', 'set_robust_list', 'rt_sigprocmask', 'rt_sigaction',
  'rt_sigreturn', 'exit', 'exit_group', 'uname', 'getpid', 'geteuid', 'getegid', 'epoll_create1', 'eventfd2', 'epoll_pwait', 'restart_syscall',
])

/** What each call may say on a full, poor or busy machine; for those that are not here, the last line. */
const refusals: Readonly<Record<string, readonly string[]>> = {
  openat: ['EMFILE', 'ENOMEM', 'EINTR', 'ENOSPC'], read: ['EINTR', 'EIO', 'ENOMEM'], write: ['ENOSPC', 'EINTR', 'EIO'], pwrite64: ['ENOSPC', 'EINTR', 'EIO'],
  mkdir: ['ENOSPC', 'ENOMEM', 'EROFS'], mkdirat: ['ENOSPC', 'ENOMEM'], mknodat: ['ENOSPC', 'ENOMEM'], rename: ['ENOSPC', 'EIO'],
  unlink: ['EIO'], unlinkat: ['EIO', 'EBUSY'], rmdir: ['EIO', 'EBUSY'], flock: ['EINTR', 'ENOLCK', 'EAGAIN'],
  socketpair: ['EMFILE', 'ENOMEM'], pipe2: ['EMFILE', 'ENOMEM'], fcntl: ['EMFILE', 'EINTR'], dup2: ['EMFILE', 'EINTR'], dup3: ['EMFILE', 'EINTR'],
  sendto: ['EINTR', 'ENOMEM'], sendmsg: ['EINTR', 'ENOMEM'], recvmsg: ['EINTR', 'ENOMEM', 'EAGAIN'],
  clone3: ['EAGAIN', 'ENOMEM', 'ENOSPC'], clone: ['EAGAIN', 'ENOMEM'], execveat: ['ENOMEM', 'EAGAIN', 'EMFILE'], execve: ['ENOMEM', 'EAGAIN'],
  memfd_create: ['EMFILE', 'ENOMEM'], epoll_ctl: ['ENOSPC', 'ENOMEM'], epoll_wait: ['EINTR'], pidfd_open: ['EMFILE', 'ENOMEM'],
  pidfd_send_signal: ['EAGAIN', 'ENOMEM'], waitid: ['EINTR'], wait4: ['EINTR'], poll: ['EINTR', 'ENOMEM'], lseek: ['EIO'],
  close: [], // strace would leave the descriptor open, which the kernel never does; close(2), "Dealing with error returns"
  getdents64: ['EIO', 'ENOMEM'],
}
const refusalsOf = (syscall: string): readonly string[] => refusals[syscall] ?? ['ENOMEM', 'EINTR']

/** Node, libuv and V8 end the process when they are refused something themselves. */
const isEndOfNode = (code: number | string, stderr: string): boolean => code === 'SIGABRT' || stderr.includes('Native stack trace')

interface Fault { readonly syscall: string, readonly fault: string, readonly when: number }

describeWith([...container, 'cli', 'faults'], 'faults', () => {
  const sandbox = useSandbox()
  const root = ['--root', sandbox.root]

  const good = async (...words: string[]): Promise<void> => {
    expect(await sandbox.nrunc(words)).toMatchObject({ code: 0 })
  }
  const create = (id: string, bundle: string) => good('create', '-b', bundle, id)
  const run = (id: string, bundle: string) => good('run', '-d', '-b', bundle, id)
  const pause = async (id: string, bundle: string) => {
    await run(id, bundle)
    await good('pause', id)
  }
  const nothing = async (): Promise<void> => {}

  type Command = readonly [name: string, before: (id: string, bundle: string) => Promise<void>, words: (id: string, bundle: string) => string[]]
  const commands: readonly Command[] = [
    ['create', nothing, (id, bundle) => ['create', '-b', bundle, '--pid-file', join(bundle, 'pid'), id]],
    ['run', nothing, (id, bundle) => ['run', '-d', '-b', bundle, id]],
    ['start', create, (id) => ['start', id]],
    ['exec', run, (id, bundle) => ['exec', '-d', '--pid-file', join(bundle, 'pid'), id, 'sleep', '1000']],
    ['pause', run, (id) => ['pause', id]],
    ['resume', pause, (id) => ['resume', id]],
    ['update', run, (id) => ['update', '--pids-limit', '100', id]],
    ['ps', run, (id) => ['ps', '--format', 'json', id]],
    ['state', run, (id) => ['state', id]],
    ['list', run, () => ['list', '--format', 'json']],
    ['events', run, (id) => ['events', '--stats', id]],
    ['kill', run, (id) => ['kill', id, 'KILL']],
    ['delete', create, (id) => ['delete', id]],
  ]

  const hook = { path: '/bin/sh', args: ['sh', '-c', 'cat > /dev/null'] }
  const bundleOf = () => sandbox.bundle(['sleep', '1000'], (spec) => {
    spec.hooks = { createRuntime: [hook], createContainer: [hook], startContainer: [hook], poststart: [hook], poststop: [hook] }
  })

  const log = (text: string): void => { if (process.env['NRUNC_TEST_FAULTS_LOG']) appendFileSync(process.env['NRUNC_TEST_FAULTS_LOG'], `${text}\n`) }

  const remove = async (id: string): Promise<void> => {
    if (existsSync(join(sandbox.root, id))) await good('delete', '--force', id)
  }

  /** What the command does when nothing is wrong. */
  const steps = async ([, before, words]: Command): Promise<[syscall: string, count: number][]> => {
    const { id, bundle } = bundleOf()
    await before(id, bundle)
    const made = await survey([...root, ...words(id, bundle)])
    await remove(id)
    return [...made].filter(([syscall]) => !ofNode.has(syscall)).sort(([one], [other]) => one < other ? -1 : 1)
  }

  /** Every COUNT-th of a list, beginning elsewhere for each command. */
  const sample = <T>(list: readonly T[], name: string, count: number): readonly T[] => {
    const stride = Math.max(1, Math.floor(list.length / count))
    return all ? list : list.filter((_, index) => index % stride === name.length % stride)
  }

  let controllers: readonly string[] = []
  beforeAll(async () => {
    const { id, bundle } = bundleOf()
    await create(id, bundle)
    controllers = Object.keys((JSON.parse(readFileSync(join(sandbox.root, id, 'state.json'), 'utf8')) as StateFile).cgroup_paths)
    await remove(id)
  })

  const attempt = async ([name, before, words]: Command, { syscall, fault, when }: Fault): Promise<boolean> => {
    const start = snapshot(sandbox)
    const { id, bundle } = bundleOf()
    await before(id, bundle)
    const result = await inject([...root, '--debug', ...words(id, bundle)], syscall, fault, when)
    const label = `${name}: ${syscall} ${fault} number ${when}: ${result.code} ${result.stderr}\n${result.hits.join('\n')}`
    log(label)
    const state = join(sandbox.root, id, 'state.json')
    if (existsSync(state)) {
      const { cgroup_paths: paths } = JSON.parse(readFileSync(state, 'utf8')) as StateFile
      expect.soft(Object.keys(paths), label).toEqual(controllers) // never one without its limits
    }
    if (fault.startsWith('error=')) checkRefusal(name, result, label)
    const told = result.code === 1 && result.hits.length === 1
    if (!(told && (name === 'create' || name === 'run'))) await remove(id)
    const left = await nothingLeft(sandbox, start).then(() => '', String)
    expect.soft(left, label).toBe('')
    return result.hits.length > 0
  }

  /** It succeeds all the same, or it says what is wrong, in an error with a code; unless it is its words that are refused. */
  const checkRefusal = (name: string, { code, stderr, hits }: Injected, label: string): void => {
    if (code === 0 || isEndOfNode(code, stderr)) return
    expect.soft(code, label).toBe(name === 'exec' ? 255 : 1)
    if (!hits.some((hit) => / write\([12],/.test(hit))) expect.soft(stderr, label).toMatch(/level=debug msg="\{\\"code\\":\\"ERR_/)
  }

  test.each(commands.map(([name]) => name))('%s is killed at each step', async (name) => {
    const command = commands.find((one) => one[0] === name)!
    const faults = (await steps(command)).flatMap(([syscall, count]) =>
      Array.from({ length: count }, (_, index) => ({ syscall, fault: 'signal=SIGKILL', when: index + 1 })))
    let hits = 0
    for (const one of sample(faults, name, 12)) hits += Number(await attempt(command, one))
    expect(hits).toBeGreaterThan(5)
  }, patience)

  test.each(commands.map(([name]) => name))('%s is refused a step', async (name) => {
    const command = commands.find((one) => one[0] === name)!
    const faults = (await steps(command)).flatMap(([syscall, count]) => Array.from({ length: count }, (_, index) =>
      refusalsOf(syscall).map((errno) => ({ syscall, fault: `error=${errno}`, when: index + 1 }))).flat())
    let hits = 0
    for (const one of sample(faults, name, 12)) hits += Number(await attempt(command, one))
    expect(hits).toBeGreaterThan(5)
  }, patience)
})
