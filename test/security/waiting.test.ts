/**
 * Inits that wait: created containers, those of a pool, whose root file system others use meanwhile. And the socket of
 * NOTIFY_SOCKET, whose directory the container sees.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NruncError, Template } from '../../lib/index.ts'
import { groupRoot } from '../helpers/cgroup.ts'
import { makeCanary } from '../helpers/canary.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { childrenOf, linkOf } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'

/** What a process has open, without the numbers of pipes and sockets. */
const opened = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`).map((fd) => {
  const path = `/proc/${pid}/fd/${fd}`
  // What init writes goes there (CVE-2025-52881). Its mount has no path any more.
  const [file, proc] = [statSync(path), statSync('/proc')]
  if (file.dev === proc.dev && file.ino === proc.ino) return 'the host\'s /proc'
  return (linkOf(path) ?? '').replace(/:\[\d+\]$/, '')
})
const waitingInits = (): number[] => childrenOf(process.pid).filter((pid) => linkOf(`/proc/${pid}/exe`)?.includes('nrunc-init'))

describeWith([...container, 'compiler'], 'an init that waits', () => {
  const sandbox = useSandbox()
  const mapped = (spec: TestSpec): void => {
    spec.linux.namespaces.push({ type: 'user' })
    spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
  }
  const given = (change?: (spec: TestSpec) => void) =>
    ({ bundle: sandbox.directory, spec: sandbox.spec(['true'], change), size: 1, cgroupsParent: join(groupRoot, sandbox.prefix) })

  test.each([['as root', undefined], ['in a user namespace', mapped]])('of a pool has no file and no directory open, nor an environment, %s', async (_, change) => {
    await using pool = await sandbox.runtime.pool(given(change))
    expect(pool.ready).toBe(1)
    const [pid = 0, ...more] = waitingInits()
    expect(more).toEqual([])
    // It says that it is ready before it closes them.
    await expect.poll(() => opened(pid).filter((line) => !/^(socket|pipe|\/dev\/null|the host's \/proc)$/.test(line))).toEqual([])
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toBe('')
  })

  test('of a pool: a program of the container cannot look into it, nor signal it', async () => {
    const rootfs = sandbox.rootfs()
    await using pool = await sandbox.runtime.pool({ ...given((spec) => { spec.root.path = rootfs }), size: 2 })
    const script = 'ls /proc | grep -c "^[0-9]"; kill -9 2 2>&1'
    const one = sandbox.keep(await pool.acquire({ args: ['sh', '-c', script], stdin: 'ignore' }))
    const { stdout } = await end(one)
    expect(stdout).toMatch(/No such process\n$/)
  })

  test('of a pool whose root file system is changed: what runs is what is there, inside', async () => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    const rootfs = sandbox.rootfs()
    await using pool = await sandbox.runtime.pool(given((spec) => { spec.root.path = rootfs }))
    // Who shares the root file system puts links in the place of everything that a program is looked for in.
    symlinkSync(`/proc/1/root${canary.directory}`, join(rootfs, 'out'))
    symlinkSync('/proc/self/fd/4/..', join(rootfs, 'up'))
    writeFileSync(join(rootfs, 'script'), `#!/up${canary.file}\n`, { mode: 0o755 })
    for (const args of [['/out/file'], ['/up/bin/sh'], ['/script'], [`/up${canary.file}`]]) {
      const error = await rejection(pool.acquire({ args, stdin: 'ignore' }))
      expect([error.code, error.field], args[0]).toEqual(['ERR_PROGRAM', expect.stringMatching(/^\/process\/args/)])
    }
    const error = await rejection(pool.acquire({ args: ['true'], cwd: '/up', stdin: 'ignore' }))
    expect(error.field).toBe('/process/cwd')
    expect(canary.look()).toEqual(before)
  })
})

describeWith([...container, 'compiler'], 'execute of templates and pools', () => {
  const sandbox = useSandbox()

  test.each(['template', 'pool'] as const)('of a %s whose root file system is changed between two of them: an error, or what is inside', async (how) => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    const rootfs = sandbox.rootfs()
    mkdirSync(join(rootfs, 'data'))
    const spec = sandbox.spec(['cat', '/data/file'], (given) => {
      given.root = { path: rootfs, readonly: false }
      given.mounts.push({ destination: '/data/in/here', type: 'tmpfs', source: 'tmpfs' })
      given.process.cwd = '/data'
    })
    const given = { bundle: sandbox.directory, spec }
    const cgroupsParent = join(groupRoot, sandbox.prefix)
    const out = `/../../../../../..${canary.directory}`
    const seen: string[] = []
    const data = join(rootfs, 'data')
    /** The pool makes containers meanwhile, and what is missing for them: until MAKE is the first. */
    const put = (make: () => void) => (): void => {
      for (let made = false; !made;) {
        rmSync(data, { recursive: true, force: true })
        try {
          make()
          made = true
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        }
      }
    }
    const attacks: (() => void)[] = [
      () => renameSync(data, join(rootfs, 'gone')), // and what is made in its place is inside
      ...[out, `/proc/self/root${out}`, '/proc/1/cwd'].map((target) => put(() => symlinkSync(target, data))),
      put(() => {
        if (spawnSync('mkfifo', [data]).status !== 0) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
      }),
    ]
    const cgroupsPath = () => join(cgroupsParent, sandbox.id())
    await sandbox.output(['true'], ({ linux }) => { linux.cgroupsPath = cgroupsPath() })
    await leavesNothing(sandbox, async () => {
      await using made = how === 'template' ? await sandbox.runtime.compile(given) : await sandbox.runtime.pool({ ...given, size: 1, cgroupsParent })
      const execute = (args: readonly string[]) => (made instanceof Template
        ? made.execute({ id: sandbox.id(), cgroupsPath: cgroupsPath(), args, reject: false })
        : made.execute({ args, reject: false }))
      expect((await execute(['pwd'])).stdout).toBe('/data')
      for (const attack of attacks) {
        attack()
        for (const args of [['cat', '/data/file'], ['/data/file'], ['sh', '-c', 'echo x > new; echo x > /data/in/here/new']]) {
          const result = await execute(args).catch((error: unknown) => error)
          const { stdout = '' } = result as { stdout?: string }
          seen.push(`${result instanceof NruncError ? result.code : ''} ${stdout}`)
        }
      }
    })
    expect(seen.filter((one) => !/^(ERR_(INIT|PROGRAM|EXIT))? $/.test(one))).toEqual([])
    expect(canary.look()).toEqual(before)
  })
})

describeWith([...container, 'compiler'], 'the directory of NOTIFY_SOCKET', () => {
  const sandbox = useSandbox()
  const withMounts = (spec: TestSpec): void => {
    spec.root.path = sandbox.rootfs()
    const all = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE']
    spec.process.capabilities = { bounding: all, permitted: all, effective: all }
  }

  test('a container that makes it writable, and puts a link where the socket will be: it is not followed', async () => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    for (const target of [canary.file, join(canary.directory, 'new')]) {
      const made = await sandbox.create(['sleep', '1000'], withMounts, { notify: { socket: '/nonexistent' } })
      await made.execute({ args: ['sh', '-c', `mount -o remount,rw,bind /run/notify && ln -s ${target} /run/notify/notify.sock`] })
      const error = await rejection(made.start())
      expect([error.code, error.errno]).toEqual(['ERR_STATE_INVALID', 'EADDRINUSE'])
      await made.delete({ force: true })
    }
    expect(canary.look()).toEqual(before)
  })

  test('of all that is sent to it only READY=1 goes on', async () => {
    const socket = join(sandbox.directory, 'manager.sock')
    const manager = new Peer('notify', socket)
    await manager.says(/^listening$/m)
    const words = ['MAINPID=1', 'FDSTORE=1', 'STOPPING=1', 'WATCHDOG=trigger', 'BARRIER=1', 'READY=0', 'READY=10', 'XREADY=1', 'x'.repeat(5000), '']
    const script = words.map((word) => `sockets send $NOTIFY_SOCKET "${word}"`).join('; ')
    const made = await sandbox.run(['sh', '-c', `${script}; exec sleep 1000`], (spec) => { spec.root.path = sandbox.rootfs() }, { notify: { socket } })
    await made.execute({ args: ['sockets', 'send', '/run/notify/notify.sock', 'MAINPID=1\nREADY=1\nFDSTORE=1'] })
    expect(await made.notified).toBe(true)
    await manager.says(/^descriptors/m)
    manager.close()
    expect(manager.said).toBe('listening\ngot READY=1\n\ngot BARRIER=1\ndescriptors 1\n')
    expect(existsSync(socket)).toBe(true)
  })
})
