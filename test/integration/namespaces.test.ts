/**
 * Namespaces that a container joins instead of having new ones, and those that it shares with the host. Source:
 * runtime-spec config-linux.md "Namespaces".
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'

const files = { network: 'net', ipc: 'ipc', uts: 'uts', pid: 'pid', cgroup: 'cgroup' } as const
type Joined = keyof typeof files

describeWith([...container, 'compiler'], 'namespaces', () => {
  const sandbox = useSandbox()
  const namespacesOf = async (change: (spec: TestSpec) => void, how: 'output' | 'create' = 'output') => {
    if (how === 'output') return parseProbe((await sandbox.output(['probe'], change)).stdout)
    const made = await sandbox.create(['probe'], change)
    await made.start()
    return parseProbe((await end(made)).stdout)
  }
  const join = (made: Container, ...types: Joined[]) => ({ linux }: TestSpec): void => {
    linux.namespaces = linux.namespaces.filter(({ type }) => !types.includes(type as Joined))
    for (const type of types) linux.namespaces.push({ type, path: `/proc/${made.pid}/ns/${files[type]}` })
  }

  test.each(Object.keys(files) as Joined[])('%s: another container\'s is joined, the others are new', async (type) => {
    const made = await sandbox.run(['sleep', '1000'], ({ linux }) => linux.namespaces.push({ type: 'cgroup' }))
    for (const how of ['output', 'create'] as const) {
      const { namespaces } = await namespacesOf(join(made, type), how)
      const shared = Object.keys(namespaces).filter(
        (name) => namespaces[name] === linkOf(`/proc/${made.pid}/ns/${name}`),
      )
      expect(shared.filter((name) => !['user', 'time'].includes(name)), how).toEqual([files[type]])
    }
  })

  test('several at once, as the containers of a pod', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const { namespaces, pid } = await namespacesOf(join(made, 'network', 'ipc', 'uts', 'pid'))
    for (const name of ['net', 'ipc', 'uts', 'pid'])
      expect(namespaces[name], name).toBe(linkOf(`/proc/${made.pid}/ns/${name}`))
    expect(namespaces['mnt']).not.toBe(linkOf(`/proc/${made.pid}/ns/mnt`))
    expect(pid).toBeGreaterThan(1)
  })

  test('a process in a joined pid namespace: its end, its signals, its exit code', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const other = await sandbox.run(['sh', '-c', 'ps -o pid,comm; exit 5'], join(made, 'pid'))
    const { code, stdout } = await end(other)
    expect([code, stdout]).toEqual([5, expect.stringMatching(/ 1 sleep\n/)])
    const waiting = await sandbox.run(['sleep', '1000'], join(made, 'pid'))
    await waiting.kill('TERM')
    expect(await waiting.wait()).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect((await made.state()).status).toBe('running')
  })

  test('a mount namespace is joined: its paths are those of the spec', async () => {
    const directory = mkdtempSync(joinPath(sandbox.directory, 'only-there-'))
    const keeper = spawn('unshare', [
      '-m', '--propagation', 'private', 'sh', '-c',
      `mount -t tmpfs tmpfs ${directory} && echo there > ${directory}/file && echo ready && exec sleep 1000`,
    ], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(keeper.stdout, 'data')
      const rootfs = sandbox.rootfs()
      const { stdout } = await sandbox.output(['sh', '-c', 'cat /tmp/file; readlink /proc/self/ns/mnt; ls /'],
        (spec) => {
        spec.root.path = rootfs
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'mount')
        spec.linux.namespaces.push({ type: 'mount', path: `/proc/${keeper.pid}/ns/mnt` })
        spec.mounts.push({ destination: '/tmp', source: directory, options: ['bind'] })
      })
      const [file, namespace, ...root] = stdout.trim().split('\n')
      expect([file, namespace]).toEqual(['there', linkOf(`/proc/${keeper.pid}/ns/mnt`)])
      expect(root).toEqual(['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', 'var'])
    } finally {
      keeper.kill('SIGKILL')
    }
  })

  test('of a file that is a namespace of another type: the error says which', async () => {
    const error = await rejection(sandbox.create(['true'], ({ linux }) => {
      linux.namespaces = [...linux.namespaces.filter(({ type }) => type !== 'ipc'),
        { type: 'ipc', path: '/proc/self/ns/uts' }]
    }))
    expect([error.code, error.step, error.errno, error.operand]).toEqual(['ERR_HOST', 'openDescriptor', 'EINVAL',
      '/proc/self/ns/uts'])
    expect(error.field).toMatch(/^\/linux\/namespaces\/\d\/path$/)
  })

  test('without a type in the list the host\'s is used', async () => {
    for (const type of ['network', 'ipc', 'uts', 'pid'] as const) {
      const { namespaces } = await namespacesOf((spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter((one) => one.type !== type)
        if (type === 'uts') delete spec.hostname
        // sysfs belongs to a network namespace of one's own.
        if (type === 'network')
          spec.mounts = spec.mounts.filter((mount) => mount.type !== 'sysfs' && mount.type !== 'cgroup')
      })
      expect(namespaces[files[type]], type).toBe(linkOf(`/proc/self/ns/${files[type]}`))
    }
  })

  test('a network namespace that is joined is left as it is', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const down = await sandbox.output(['sh', '-c', 'cat /sys/class/net/lo/flags'], join(made, 'network'))
    expect(Number(down.stdout) & 1).toBe(1)
  })

  test('without a mount namespace the container is changed to its root alone, and nothing is mounted', async () => {
    const change = (spec: TestSpec): void => {
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'mount')
      spec.linux.maskedPaths = []
      spec.linux.readonlyPaths = []
      spec.root.readonly = false
      spec.mounts = []
    }
    const { stdout } = await sandbox.output(['sh', '-c', 'ls -d /bin /proc/self /home/user 2>/dev/null'], change)
    expect(stdout).toBe('/bin\n/home/user\n')
    const error = await rejection(sandbox.create(['true'], (spec) => {
      change(spec)
      spec.mounts = [{ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }]
    }))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', '/mounts'])
  })
})
