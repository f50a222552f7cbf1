/**
 * Everything that the program of a container finds itself in, compared with a list: descriptors, namespaces, mounts with
 * their flags, capabilities, signals, limits, keyring, environment, the links of /proc. For run, templates, pools and exec; as
 * root, in a user namespace, and of an ordinary user. What is not in the list must not be there.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container, Spec } from '../../lib/index.ts'
import { groupRoot } from '../helpers/cgroup.ts'
import { end, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { someone } from '../helpers/host.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'
import { type Home, makeHome } from '../helpers/rootless.ts'
import { bindOf, hostLimits, viewOf } from '../helpers/view.ts'

type View = ReturnType<typeof viewOf>

const nothing = '0000000000000000'
/** CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE. */
const capabilities = [5, 10, 29]
const ids = '0 0 0 0'
const self = (name: string): string => readFileSync(`/proc/self/${name}`, 'latin1').trim()

/** All but the mounts. PID: 1 for run, 2 for a process that is added. */
const everything = (pid: number): Omit<View, 'mounts'> => ({
  descriptors: { 0: '/dev/null', 1: 'pipe', 2: 'pipe' },
  args: ['probe'],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm', 'HOME=/root'],
  notDefault: [],
  blocked: 0,
  namespaces: { cgroup: 'host', ipc: 'own', mnt: 'own', net: 'own', pid: 'own', time: 'host', user: 'host', uts: 'own' },
  links: { cwd: '/', exe: '/bin/probe', root: '/' },
  terminal: null,
  directory: '/',
  pid,
  session: pid,
  umask: 0o022,
  deathSignal: 0,
  subreaper: 0,
  dumpable: 1,
  securebits: 0,
  status: {
    Name: 'probe', State: 'R (running)', PPid: '0', TracerPid: '0', Uid: ids, Gid: ids, Groups: '',
    NStgid: `${pid}`, NSpgid: `${pid}`, NSsid: `${pid}`, Threads: '1',
    SigPnd: nothing, ShdPnd: nothing, SigBlk: nothing, SigIgn: nothing, SigCgt: nothing,
    NoNewPrivs: '1', Seccomp: '0', Seccomp_filters: '0',
  },
  capabilities: { CapInh: [], CapPrm: capabilities, CapEff: capabilities, CapBnd: capabilities, CapAmb: [] },
  limits: { ...hostLimits(), 7: '1024 1024' },
  files: {
    comm: 'probe', oom_score_adj: self('oom_score_adj'), coredump_filter: self('coredump_filter'),
    personality: '00000000', timers: '', setgroups: 'allow', uid_map: '0 0 4294967295', gid_map: '0 0 4294967295',
  },
  keyring: 'keyring;0;0;3f1b0000;_ses.ID',
})

const flags = 'nosuid,nodev,noexec,relatime'

const fileSystems = [
  '/proc proc rw,relatime', '/dev tmpfs rw,nosuid', '/dev/pts devpts rw,nosuid,noexec,relatime', `/dev/shm tmpfs rw,${flags}`,
  `/dev/mqueue mqueue rw,${flags}`, `/sys sysfs ro,${flags}`,
]

const masked = [
  '/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/sys/firmware', '/proc/scsi',
]
const readonly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']
const devices = ['null', 'random', 'full', 'tty', 'zero', 'urandom']

const rootMount = (path = bench().rootfs): string => `/ ${bindOf(path)}`.replace(' rw,', ' ro,')

/** Of what this kernel has. */
const restrictions = (): string[] => [
  ...masked.filter((path) => existsSync(path)).map((path) =>
    statSync(path).isDirectory() ? `${path} tmpfs ro,${flags}` : `${path} ${bindOf('/dev/null')}`),
  ...readonly.filter((path) => existsSync(path)).map((path) => `${path} proc ro,relatime of ${path.slice('/proc'.length)}`),
]

const boundDevices = (): string[] => devices.map((name) => `/dev/${name} ${bindOf(`/dev/${name}`)}`)

const isCgroup = (line: string): boolean => line.startsWith('/sys/fs/cgroup')

/** The mounts but those of the cgroups, whose number depends on the host: all of them read-only. */
function withoutCgroups({ mounts }: View): string[] {
  for (const line of mounts.filter(isCgroup)) {
    expect(line).toMatch(/^\/sys\/fs\/cgroup\S* (tmpfs|cgroup|cgroup2) ro,nosuid,nodev,noexec,relatime( of |$)/)
  }
  expect(mounts.filter(isCgroup)).not.toEqual([])
  return mounts.filter((line) => !isCgroup(line))
}

describeWith([...container, 'compiler'], 'what a container sees', () => {
  const sandbox = useSandbox()
  const mapped = (spec: TestSpec): void => {
    spec.linux.namespaces.push({ type: 'user' })
    spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
  }
  const run = async (change?: (spec: TestSpec) => void): Promise<View> =>
    viewOf(parseProbe((await sandbox.output(['probe'], change)).stdout))
  const viewIn = async (made: Container): Promise<View> =>
    viewOf(parseProbe((await end(await made.exec({ args: ['probe'], stdin: 'ignore' }))).stdout))
  const exec = async (change?: (spec: TestSpec) => void): Promise<View> => viewIn(await sandbox.run(['sleep', '1000'], change))
  /** By a template, or out of a pool, with the given program. */
  const started = (how: 'template' | 'pool', program: readonly string[], look: (made: Container) => Promise<View>) =>
    async (change?: (spec: TestSpec) => void): Promise<View> => {
      const cgroupsParent = join(groupRoot, sandbox.prefix)
      const given = { bundle: sandbox.directory, spec: sandbox.spec(program, change) }
      if (how === 'template') {
        await using template = await sandbox.runtime.compile(given)
        const id = sandbox.id()
        return look(sandbox.keep(await template.run({ id, cgroupsPath: join(cgroupsParent, id), stdin: 'ignore' })))
      }
      await using pool = await sandbox.runtime.pool({ ...given, spec: sandbox.spec(['true'], change), size: 1, cgroupsParent })
      return look(sandbox.keep(await pool.acquire({ args: program, stdin: 'ignore' })))
    }
  const output = async (made: Container): Promise<View> => viewOf(parseProbe((await end(made)).stdout))

  const ways = [
    ['run', 1, run], ['exec', 2, exec],
    ['a template', 1, started('template', ['probe'], output)], ['exec after a template', 2, started('template', ['sleep', '1000'], viewIn)],
    ['a pool', 1, started('pool', ['probe'], output)], ['exec after a pool', 2, started('pool', ['sleep', '1000'], viewIn)],
  ] as const

  test.each(ways)('%s as root', async (_, pid, start) => {
    const { mounts: _mounts, ...view } = await start()
    expect(view).toEqual(everything(pid))
    expect(withoutCgroups({ ...view, mounts: _mounts })).toEqual([rootMount(), ...fileSystems, ...restrictions()])
  })

  test.each(ways)('%s in a user namespace', async (_, pid, start) => {
    const { mounts: _mounts, ...view } = await start(mapped)
    const expected = everything(pid)
    expect(view).toEqual({
      ...expected,
      namespaces: { ...expected.namespaces, user: 'own' },
      files: { ...expected.files, uid_map: '0 100000 65536', gid_map: '0 100000 65536' },
    })
    expect(withoutCgroups({ ...view, mounts: _mounts }))
      .toEqual([rootMount(), ...fileSystems, ...boundDevices(), ...restrictions()])
  })
})

describeWith([...container, 'cli', 'compiler', 'rootless'], 'what a container of an ordinary user sees', () => {
  const sandbox = useSandbox()

  const expectedOf = (pid: number, streams: readonly unknown[]): Omit<View, 'mounts'> => {
    const expected = everything(pid)
    return {
      ...expected, descriptors: { ...streams } as Record<number, string>,
      namespaces: { ...expected.namespaces, user: 'own', net: 'host' },
      files: { ...expected.files, uid_map: `0 ${someone.uid} 1`, gid_map: `0 ${someone.gid} 1`, setgroups: 'deny' },
    }
  }
  const compare = (found: View, how: string, pid: number, streams: readonly unknown[]): void => {
    const { mounts, ...view } = found
    expect(view, how).toEqual(expectedOf(pid, streams))
    // /sys is the host's with all that is mounted there: which of it can be reached is tested under CVE-2023-25809.
    const unlike = mounts.filter((line) => !line.startsWith('/sys/') || line.startsWith('/sys/firmware'))
    expect(unlike, how).toEqual([rootMount(), ...fileSystems, ...boundDevices(), ...restrictions()])
  }
  const specOf = async (home: Home, id: string, args: readonly string[]): Promise<Spec> => {
    const directory = join(home.directory, id)
    mkdirSync(directory)
    chownSync(directory, someone.uid, someone.gid)
    await home.nrunc(['spec', '--rootless', '-b', directory])
    const config = join(directory, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec
    spec.root.path = bench().rootfs
    Object.assign(spec.process!, { terminal: false, args })
    writeFileSync(config, JSON.stringify(spec))
    return spec
  }

  // Over the command line, whose standard streams are files of the caller.
  test('run and exec', async () => {
    const home = makeHome()
    const nrunc = (...words: readonly string[]) => home.nrunc(['--root', join(home.directory, 'state'), ...words])
    const start = async (id: string, args: readonly string[], ...words: readonly string[]) => {
      await specOf(home, id, args)
      return nrunc('run', ...words, '-b', join(home.directory, id), id)
    }
    const first = `${sandbox.prefix}-run`, second = `${sandbox.prefix}-exec`
    const ran = await start(first, ['probe'])
    expect(await start(second, ['sleep', '1000'], '--detach')).toMatchObject({ code: 0 })
    const added = await nrunc('exec', second, 'probe')
    expect(await nrunc('delete', '--force', second)).toMatchObject({ code: 0 })
    const streams = ['in', 'out', 'err'].map((name) => expect.stringMatching(new RegExp(`cli-\\w+/${name}$`)))
    compare(viewOf(parseProbe(ran.stdout)), 'run', 1, streams)
    compare(viewOf(parseProbe(added.stdout)), 'exec', 2, streams)
  })

  test('templates and pools, and what is added to their containers', async () => {
    const home = makeHome()
    const id = `${sandbox.prefix}-own`
    const spec = await specOf(home, id, ['sleep', '1000'])
    const given = JSON.stringify({ bundle: join(home.directory, id), spec })
    const { code, stdout, stderr } = await home.node(`
      const runtime = new library.Runtime({ root: ${JSON.stringify(join(home.directory, 'state'))} })
      const found = {}
      const probe = { args: ['probe'], stdin: 'ignore' }
      const text = async (process) => {
        let all = ''
        for await (const piece of process.stdout) all += piece
        await process.wait()
        return all
      }
      const look = async (how, start) => {
        const one = await start(probe)
        found[how] = await text(one)
        await one.delete({ force: true })
        const host = await start({ args: ['sleep', '1000'], stdin: 'ignore' })
        found['exec after ' + how] = await text(await host.exec(probe))
        await host.delete({ force: true })
      }
      const template = await runtime.compile(${given})
      let count = 0
      await look('a template', (options) => template.run({ ...options, id: ${JSON.stringify(id)} + ++count }))
      const pool = await runtime.pool({ ...${given}, size: 1 })
      await look('a pool', (options) => pool.acquire(options))
      await pool.close()
      await template.close()
      console.log(JSON.stringify(found))`)
    expect([code, stderr]).toEqual([0, ''])
    const found = JSON.parse(stdout) as Record<string, string>
    for (const [how, text] of Object.entries(found)) {
      compare(viewOf(parseProbe(text)), how, how.startsWith('exec') ? 2 : 1, ['/dev/null', 'pipe', 'pipe'])
    }
    expect(Object.keys(found)).toEqual(['a template', 'exec after a template', 'a pool', 'exec after a pool'])
  })
})

describeWith([...container, 'compiler', 'criu'], 'what a restored container sees', () => {
  const sandbox = useSandbox()

  test('as before, and so does a process that is added', async () => {
    const data = join(sandbox.directory, 'data'), imagePath = join(sandbox.directory, 'images')
    mkdirSync(data)
    const first = await sandbox.run(['sh', '-c', 'while [ ! -e /mnt/go ]; do sleep 0.1; done; exec probe'], (spec) => {
      spec.root.path = sandbox.rootfs()
      mkdirSync(join(spec.root.path, 'mnt'))
      spec.mounts.push({ destination: '/mnt', source: data, options: ['bind', 'ro'] })
    })
    await first.checkpoint({ imagePath, networkLock: 'skip' })
    const made = sandbox.keep(await sandbox.runtime.restore({ id: first.id, bundle: sandbox.directory, spec: first.spec, stdin: 'ignore', imagePath, networkLock: 'skip' }))
    const added = viewOf(parseProbe((await end(await made.exec({ args: ['probe'], stdin: 'ignore' }))).stdout))
    writeFileSync(join(data, 'go'), '')
    const restored = viewOf(parseProbe((await end(made)).stdout))
    for (const [found, pid] of [[restored, 1], [added, added.pid]] as const) {
      const { mounts, ...view } = found
      const expected = everything(pid)
      // The shell of before has added its own; criu makes a time namespace, in which the clocks go on.
      const environment = view.env.filter((one) => pid > 1 || !/^(SHLVL|PWD)=/.test(one)).sort()
      expect({ ...view, env: environment }).toEqual({
        ...expected, env: [...expected.env].sort(), namespaces: { ...expected.namespaces, time: 'own' },
      })
      expect(withoutCgroups({ ...view, mounts }).sort()).toEqual([
        rootMount(first.spec.root.path), ...fileSystems, `/mnt ${bindOf(data).replace(' rw,', ' ro,')}`, ...restrictions(),
      ].sort())
    }
  })
})
