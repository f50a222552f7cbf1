/**
 * Everything that the program of a container finds itself in, compared with a list: descriptors, namespaces, mounts with
 * their flags, capabilities, signals, limits, keyring, environment, the links of /proc. For run and exec; as root, in a user
 * namespace, and of an ordinary user. What is not in the list must not be there.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Spec } from '../../lib/index.ts'
import { end, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { someone } from '../helpers/host.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'
import { makeHome } from '../helpers/rootless.ts'
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

const rootMount = (): string => `/ ${bindOf(bench().rootfs)}`.replace(' rw,', ' ro,')

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
  const exec = async (change?: (spec: TestSpec) => void): Promise<View> => {
    const made = await sandbox.run(['sleep', '1000'], change)
    return viewOf(parseProbe((await end(await made.exec({ args: ['probe'], stdin: 'ignore' }))).stdout))
  }

  test.each([['run', 1, run], ['exec', 2, exec]] as const)('%s as root', async (_, pid, start) => {
    const { mounts: _mounts, ...view } = await start()
    expect(view).toEqual(everything(pid))
    expect(withoutCgroups({ ...view, mounts: _mounts })).toEqual([rootMount(), ...fileSystems, ...restrictions()])
  })

  test.each([['run', 1, run], ['exec', 2, exec]] as const)('%s in a user namespace', async (_, pid, start) => {
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

  /** Over the command line, whose standard streams are files of the caller. */
  const views = async (): Promise<Record<'run' | 'exec', View>> => {
    const home = makeHome()
    const start = async (id: string, args: readonly string[], ...words: readonly string[]) => {
      const directory = join(home.directory, id)
      mkdirSync(directory)
      chownSync(directory, someone.uid, someone.gid)
      await home.nrunc(['spec', '--rootless', '-b', directory])
      const config = join(directory, 'config.json')
      const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec
      spec.root.path = bench().rootfs
      Object.assign(spec.process!, { terminal: false, args })
      writeFileSync(config, JSON.stringify(spec))
      return home.nrunc(['--root', join(home.directory, 'state'), 'run', ...words, '-b', directory, id])
    }
    const state = (...words: readonly string[]) => home.nrunc(['--root', join(home.directory, 'state'), ...words])
    const first = `${sandbox.prefix}-run`, second = `${sandbox.prefix}-exec`
    const ran = await start(first, ['probe'])
    expect(await start(second, ['sleep', '1000'], '--detach')).toMatchObject({ code: 0 })
    const added = await state('exec', second, 'probe')
    expect(await state('delete', '--force', second)).toMatchObject({ code: 0 })
    return { run: viewOf(parseProbe(ran.stdout)), exec: viewOf(parseProbe(added.stdout)) }
  }

  test('run and exec', async () => {
    const found = await views()
    for (const [how, pid] of [['run', 1], ['exec', 2]] as const) {
      const { mounts, ...view } = found[how]
      const expected = everything(pid)
      expect(view, how).toEqual({
        ...expected,
        descriptors: { 0: expect.stringMatching(/cli-\w+\/in$/), 1: expect.stringMatching(/cli-\w+\/out$/), 2: expect.stringMatching(/cli-\w+\/err$/) },
        namespaces: { ...expected.namespaces, user: 'own', net: 'host' },
        files: { ...expected.files, uid_map: `0 ${someone.uid} 1`, gid_map: `0 ${someone.gid} 1`, setgroups: 'deny' },
      })
      // /sys is the host's with all that is mounted there: which of it can be reached is tested under CVE-2023-25809.
      const unlike = mounts.filter((line) => !line.startsWith('/sys/') || line.startsWith('/sys/firmware'))
      expect(unlike, how).toEqual([rootMount(), ...fileSystems, ...boundDevices(), ...restrictions()])
    }
  })
})
