/**
 * Hazards of a runtime that lives in somebody's process: what it must not change there, what must not leak out of it, and
 * what must not leak into a container or a hook. Two copies of the library, worker threads and their end are in
 * integration/concurrency.test.ts and side-by-side.test.ts.
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { end, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf, statOf } from '../helpers/host.ts'
import { clones } from '../helpers/inject.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { bitsOf } from '../helpers/probe.ts'

const self = (name: string): string => readFileSync(`/proc/self/${name}`, 'latin1')

/** Of one thread: who it is, what it may, where it is. */
function thread(task: string): Record<string, string | undefined> {
  const at = `/proc/self/task/${task}`
  const status = readFileSync(`${at}/status`, 'latin1')
  const lines = ['Umask', 'Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'SigIgn']
  return {
    ...Object.fromEntries(lines.map((name) => [name, new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]])),
    ...Object.fromEntries(['cwd', 'root', ...readdirSync(`${at}/ns`).map((name) => `ns/${name}`)].map((name) => [name, linkOf(`${at}/${name}`)])),
    cgroup: readFileSync(`${at}/cgroup`, 'latin1'),
    oom: readFileSync(`${at}/oom_score_adj`, 'latin1'),
  }
}

/** The different threads that this process has; libuv's and the addon's come and go, what they are does not. */
function threads(): string[] {
  const all = readdirSync('/proc/self/task').flatMap((task) => {
    try {
      return JSON.stringify(thread(task))
    } catch {
      return [] // it has just ended
    }
  })
  return [...new Set(all)].sort()
}

const settings = () => ({
  threads: threads(), directory: process.cwd(), umask: process.umask(), environment: { ...process.env },
  limits: self('limits'), personality: self('personality'), mounts: self('mountinfo'), dumpFilter: self('coredump_filter'),
  caught: /^SigCgt:.*/m.exec(self('status'))?.[0], blocked: /^SigBlk:.*/m.exec(self('status'))?.[0],
})

/** Descriptors of this process that a program would inherit. */
const inherited = (): string[] => readdirSync('/proc/self/fd').filter((fd) => {
  const flags = linkOf(`/proc/self/fd/${fd}`) === undefined ? undefined : /^flags:\t(\d+)/m.exec(self(`fdinfo/${fd}`))?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & 0o2000000) === 0
})

describeWith([...container, 'compiler'], 'the process that the library is in', () => {
  const sandbox = useSandbox()
  const mapped = (spec: TestSpec): void => {
    spec.linux.namespaces.push({ type: 'user' })
    spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
    spec.process.terminal = true
    spec.process.oomScoreAdj = 500
    spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] })
  }
  const everything = async (): Promise<Container> => {
    const hook = { path: '/bin/sh', args: ['sh', '-c', 'cd /; umask 077; ulimit -n 20'] }
    await sandbox.output(['sh', '-c', 'ulimit -n 10; umask 0'], (spec) => {
      spec.hooks = { prestart: [hook], createRuntime: [hook], createContainer: [hook], poststart: [hook], poststop: [hook] }
      spec.process.noNewPrivileges = true
      spec.process.cwd = '/root'
      spec.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' }
      spec.linux.sysctl = { 'net.ipv4.ip_default_ttl': '77' }
    })
    const made = await sandbox.run(['sleep', '1000'], mapped)
    await end(await made.exec({ args: ['true'], user: { uid: 1000, gid: 1000 }, cwd: '/tmp', terminal: false, stdin: 'ignore' }))
    await made.writeFile('/tmp/a', 'x', { owner: { uid: 5, gid: 6 } })
    await made.copyOut('/tmp/a', join(mkdtempSync(join(sandbox.directory, 'out-')), 'a'))
    await made.pause()
    await made.resume()
    await made.stats()
    const template = await sandbox.runtime.compile({ bundle: '/', spec: sandbox.spec(['true']) })
    const one = sandbox.keep(await template.run({ id: sandbox.id(), stdin: 'ignore' }))
    await end(one)
    return made
  }
  beforeAll(async () => { await sandbox.output(['true']) })

  test('keeps its directory, mask, environment, limits, signals, mounts; each thread its ids, rights and namespaces', async () => {
    const before = settings()
    await everything()
    expect(settings()).toEqual(before)
  })

  test('has no descriptor that a program of its own would inherit', async () => {
    const before = inherited()
    const made = await everything()
    await sandbox.create(['true'])
    expect(made.pid).toBeGreaterThan(0)
    expect(inherited()).toEqual(before)
  })

  test('is not made the parent of its grandchildren (no child subreaper)', async () => {
    await everything()
    const child = spawn('sh', ['-c', 'sleep 300 > /dev/null 2>&1 & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const orphan = Number(await text(child.stdout))
    try {
      await expect.poll(() => statOf(orphan)?.parent).not.toBe(child.pid)
      expect(statOf(orphan)?.parent).not.toBe(process.pid)
    } finally {
      process.kill(orphan, 'SIGKILL')
    }
  })

  test('its event loop turns while a hook waits for it', async () => {
    const fifo = join(mkdtempSync(join(sandbox.directory, 'fifo-')), 'word')
    execFileSync('mkfifo', [fifo])
    const tell = setInterval(() => {
      try {
        const end = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
        writeSync(end, 'go\n')
        closeSync(end)
      } catch {} // ENXIO until the hook reads
    }, 10)
    try {
      await sandbox.output(['true'], (spec) => { spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `read word < ${fifo}`], timeout: 20 }] } })
    } finally {
      clearInterval(tell)
    }
  })
})

describeWith([...container, 'cli', 'faults'], 'the memory of the process', () => {
  const sandbox = useSandbox()

  test('is not copied for what it starts: containers, added processes, hooks', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => { spec.hooks = { prestart: [{ path: '/bin/true' }] } })
    const root = ['--root', sandbox.root]
    const made = [...await clones([...root, 'run', '-d', '-b', bundle, id]), ...await clones([...root, 'exec', id, 'true'])]
    expect(made.length).toBeGreaterThanOrEqual(3)
    expect(made.filter((line) => !line.includes('CLONE_VM') || !line.includes('CLONE_VFORK'))).toEqual([])
  })
})

/** Whether another process's memory has WHAT in it; and how much there was to look through. */
function search(pid: number, what: Buffer): { readonly found: boolean, readonly size: number } {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  let size = 0, found = false
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [, from = '', to = ''] = /^(\w+)-(\w+) r/.exec(line) ?? []
    if (from === '' || line.includes('[v')) continue // vdso, vvar, vsyscall: the kernel's
    const start = BigInt(`0x${from}`), piece = Buffer.alloc(Number(BigInt(`0x${to}`) - start))
    try {
      size += readSync(memory, piece, 0, piece.length, start)
    } catch (error) {
      if (pid !== process.pid) throw error // of this process some has no pages behind it
    }
    found ||= piece.includes(what)
  }
  closeSync(memory)
  return { found, size }
}

describeWith([...container, 'compiler'], 'secrets of the process', () => {
  const sandbox = useSandbox()
  const secret = ['do', 'not', 'tell', process.pid].join('-')

  test('are not in the memory of a waiting init, nor of the program', async () => {
    process.env['NRUNC_TEST_SECRET'] = secret
    const kept = Buffer.from(secret)
    const created = await sandbox.create(['true'])
    const running = await sandbox.run(['sleep', '1000'])
    const added = await running.exec({ args: ['sleep', '1000'], stdin: 'ignore' })
    for (const pid of [created.pid, running.pid, added.pid]) {
      const { found, size } = search(pid, kept)
      expect(size).toBeGreaterThan(10_000)
      expect(found, `process ${pid}`).toBe(false)
    }
    expect(search(process.pid, kept).found, 'it is found where it is').toBe(true)
    delete process.env['NRUNC_TEST_SECRET']
  })

  test('nor do hooks get environment, descriptors, directory, signals or mask of it', async () => {
    process.env['NRUNC_TEST_SECRET'] = secret
    const directory = mkdtempSync(join(sandbox.directory, 'hooks-'))
    const hooks = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'] as const
    // By the shell itself and as /proc/self: the /proc of a createContainer hook is still that of another pid namespace.
    const script = (name: string): string => [
      `exec > ${directory}/${name}`, "tr '\\0' '\\n' < /proc/self/environ", 'echo --',
      'for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/}; done', 'echo --',
      'while read -r line; do case $line in SigBlk*|SigIgn*) echo "$line";; esac; done < /proc/self/status',
    ].join('; ')
    await sandbox.output(['true'], (spec) => {
      spec.hooks = Object.fromEntries(hooks.map((name) => [name, [{ path: '/bin/sh', args: ['sh', '-c', script(name)] }]]))
    })
    delete process.env['NRUNC_TEST_SECRET']
    for (const name of hooks) {
      const [environment, descriptors, signals] = readFileSync(join(directory, name), 'latin1').split('--\n')
      expect(environment, name).toMatch(/^(PATH=[^\n]*\n)?$/)
      expect(descriptors!.trim().split('\n').filter((fd) => Number(fd) > 2 && Number(fd) !== 255), name).toEqual([])
      expect(signals, name).toMatch(/^SigBlk:\t0+\n/)
      // SIGQUIT may be the shell's doing, 32 and 33 are that of the C library's posix_spawn
      const ignored = bitsOf(/SigIgn:\t(\w+)/.exec(signals!)?.[1]).map((bit) => bit + 1)
      expect(ignored.filter((number) => ![3, 32, 33].includes(number)), name).toEqual([])
    }
  })
})

describeWith([...container, 'cli', 'mountNamespaces'], 'vm.memfd_noexec=2', () => {
  const sandbox = useSandbox()

  test('init then comes from an unlinked file, and nobody can write to that either', async () => {
    const script = 'echo 2 > /proc/sys/vm/memfd_noexec && exec "$0" "$@"'
    const through = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--mount-proc', 'sh', '-c', script]
    const { id, bundle } = sandbox.bundle(['echo', 'hello'])
    const result = await sandbox.nrunc(['run', '-b', bundle, id], { through })
    expect(result).toEqual({ code: 0, stdout: 'hello\n', stderr: '' })
  })
})
