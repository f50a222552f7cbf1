/**
 * The library in a process of an ordinary user to whom systemd has delegated cgroups. Not for root: the tests are run by
 * that user, as `npm run test:vm` does.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Container, defaultSpec, doctor, rootlessSpec, Runtime, type Spec } from '../../lib/index.ts'
import { end, rejection } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { bench, describeWith } from '../helpers/needs.ts'

const uid = process.geteuid!()
const gid = process.getegid!()

/** The caller's own cgroup, from the mount point on. */
const own = (): string => join('/sys/fs/cgroup', /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))![1]!)

const limits = { memory: { limit: 67108864 }, pids: { limit: 50 }, cpu: { shares: 512 } }
const values = { 'memory.max': '67108864', 'pids.max': '50' }
const valuesIn = (directory: string) =>
  Object.fromEntries(Object.keys(values).map((name) => [name, readFileSync(join(directory, name), 'utf8').trimEnd()]))

describeWith(['addon', 'busybox', 'ordinaryUser', 'delegation'], 'an ordinary user with delegation', () => {
  const root = join(bench().directory, 'state')
  const made: Container[] = []
  let count = 0
  afterEach(async () => {
    for (const container of made.splice(0)) await container.delete({ force: true }).catch(() => {})
  })

  const run = async (runtime: Runtime, args: readonly string[], change: (spec: Spec) => void = () => {}) => {
    mkdirSync(root, { recursive: true })
    const spec = rootlessSpec(defaultSpec(), uid, gid)
    spec.root = { path: bench().rootfs, readonly: true }
    Object.assign(spec.process!, { terminal: false, args })
    spec.linux!.namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== 'cgroup')
    change(spec)
    const container = await runtime.run({ id: `${bench().run}-${++count}`, bundle: bench().directory, spec, stdin: 'ignore' })
    made.push(container)
    return container
  }

  test('cgroupfs: beside the own cgroup, with limits', async () => {
    const container = await run(new Runtime({ root }), ['sleep', '1000'], ({ linux }) => { linux!.resources = limits })
    const directory = join(dirname(own()), `nrunc-${container.id}`)
    expect(readFileSync(join(directory, 'cgroup.procs'), 'utf8')).toBe(`${container.pid}\n`)
    expect(valuesIn(directory)).toEqual(values)
    const inside = await end(await container.exec({ args: ['cat', '/proc/self/cgroup'] }))
    expect(inside.stdout).toBe(`0::${directory.slice('/sys/fs/cgroup'.length)}\n`)
    await container.delete({ force: true })
    expect([existsSync(directory), isRunning(container.pid)]).toEqual([false, false])
  })

  test('systemd: a scope of the user\'s manager, with limits and exec', async () => {
    const runtime = new Runtime({ root, cgroupManager: 'systemd' })
    const container = await run(runtime, ['sleep', '1000'], ({ linux }) => { linux!.resources = limits })
    const unit = `nrunc-${container.id}.scope`
    const show = (name: string): string => spawnSync('systemctl', ['--user', 'show', '--value', `--property=${name}`, unit], { encoding: 'utf8' }).stdout.trim()
    const directory = join('/sys/fs/cgroup', show('ControlGroup'))
    expect(directory).toMatch(new RegExp(`/user@${uid}\\.service/user\\.slice/${unit}$`))
    expect(readFileSync(`/proc/${container.pid}/cgroup`, 'utf8')).toBe(`0::${directory.slice('/sys/fs/cgroup'.length)}\n`)
    expect(valuesIn(directory)).toEqual(values)
    expect([show('MemoryMax'), show('TasksMax')]).toEqual(['67108864', '50'])
    const inside = await end(await container.exec({ args: ['cat', '/proc/self/cgroup'] }))
    expect(inside).toMatchObject({ code: 0, stdout: `0::${directory.slice('/sys/fs/cgroup'.length)}\n` })
    await container.delete({ force: true })
    expect([existsSync(directory), isRunning(container.pid), show('LoadState')]).toEqual([false, false, 'not-found'])
  })

  test('a limit whose controller was not delegated is refused, and nothing is left', async () => {
    const error = await rejection(run(new Runtime({ root }), ['true'], ({ linux }) => {
      linux!.resources = { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }
    }))
    expect([error.code, error.field]).toEqual(['ERR_CGROUP', '/linux/resources/hugepageLimits/0/limit'])
    expect(existsSync(join(dirname(own()), `nrunc-${bench().run}-${count}`))).toBe(false)
  })

  test('subordinate ids', async () => {
    const [first, size] = ['/etc/subuid', '/etc/subgid'].map((path) =>
      new RegExp(`^${userInfo().username}:(\\d+):(\\d+)$`, 'm').exec(readFileSync(path, 'utf8'))!.slice(1).map(Number)).flat() as [number, number]
    const container = await run(new Runtime({ root }), ['sh', '-c', 'cat /proc/self/uid_map; id -u'], ({ linux, process: program }) => {
      linux!.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }, { containerID: 1, hostID: first, size: size - 1 }]
      linux!.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }, { containerID: 1, hostID: first, size: size - 1 }]
      program!.user = { uid: 1000, gid: 1000 }
    })
    const { stdout, code } = await end(container)
    expect([code, stdout.trim().split(/\s+/).map(Number)]).toEqual([0, [0, uid, 1, 1, first, size - 1, 1000]])
  })

  test('doctor says so', async () => {
    const checks = await doctor()
    const status = (name: string) => checks.find((one) => one.name === name)?.status
    expect(['user namespaces', 'subordinate ids', 'newuidmap', 'controllers', 'access', 'systemd'].map((name) => [name, status(name)]))
      .toEqual(['user namespaces', 'subordinate ids', 'newuidmap', 'controllers', 'access', 'systemd'].map((name) => [name, 'ok']))
  })
})
