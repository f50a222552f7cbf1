/**
 * Checkpoints with the real criu, where it works: the programs go on where they were.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { type Container } from '../../lib/index.ts'
import { cgroupsPathOf, testCgroups } from '../helpers/cgroup.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Pty } from '../helpers/pty.ts'

const patience = { timeout: 120_000, interval: 500 }
const slow = 400_000

/** Without connections there is nothing to keep still, and no iptables is needed. */
const still = { networkLock: 'skip' } as const

/** What comes, from now on. */
function collect(stream: Readable): () => string {
  let all = ''
  stream.setEncoding('utf8').on('data', (text: string) => { all += text })
  return () => all
}

describeWith([...container, 'cli', 'compiler', 'criu'], 'criu', () => {
  const sandbox = useSandbox()
  let count = 0
  const images = () => join(sandbox.directory, `images-${++count}`)

  /** Counts for ever, into /mnt/count of the container, and on its output. */
  const counter = ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i >> /mnt/count; echo $i; sleep 0.2; done']
  /** Where a program only slept it had ended after the restore (busybox 1.37), probably as its sleep was interrupted. */
  const idle = ['sh', '-c', 'while :; do sleep 1000; done']
  const withData = () => {
    const data = join(sandbox.directory, `data-${++count}`)
    mkdirSync(data)
    const change = ({ mounts }: TestSpec) => { mounts.push({ destination: '/mnt', source: data, options: ['bind'] }) }
    const counted = () => (existsSync(join(data, 'count')) ? readFileSync(join(data, 'count'), 'utf8').trim().split('\n').map(Number) : [])
    return { change, counted }
  }
  const more = async (counted: () => number[], than: number) => {
    await expect.poll(() => counted().length, patience).toBeGreaterThan(than)
    const numbers = counted()
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  }
  const specFor = (id: string, args: readonly string[], change?: (spec: TestSpec) => void) => sandbox.spec(args, (spec) => {
    change?.(spec)
    spec.linux.cgroupsPath = cgroupsPathOf(id)
  })
  /** What the container itself says of its root: `ro,...` or `rw,...`. */
  const rootOptions = async (one: Container) =>
    (await one.execute({ args: ['sh', '-c', 'while read -r _ on _ how _; do if [ $on = / ]; then echo $how; fi; done < /proc/mounts'] })).stdout
  const restore = async ({ id, spec }: Container, imagePath: string, options: { readonly workPath?: string } = {}) =>
    sandbox.keep(await sandbox.runtime.restore({ id, bundle: sandbox.directory, spec, stdin: 'ignore', imagePath, ...still, ...options }))

  test('a program counts on where it was, its output too; exec, kill and delete work as before', async () => {
    const { change, counted } = withData()
    const first = await sandbox.run(counter, change)
    const output = collect(first.stdout!)
    await more(counted, 3)
    const path = images()
    await first.checkpoint({ ...still, imagePath: path })
    expect(await first.wait()).toMatchObject({ signal: 'SIGKILL' })
    await expect(sandbox.runtime.load(first.id)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    expect(readdirSync(path)).toEqual(expect.arrayContaining(['descriptors.json', 'dump.log', 'inventory.img']))
    const before = counted().length
    const second = await restore(first, path)
    const restored = collect(second.stdout!)
    await more(counted, before + 3)
    expect((await second.state()).status).toBe('running')
    const pids = await second.execute({ args: ['sh', '-c', 'hostname; cat /proc/1/comm'] })
    expect(pids.stdout.split('\n')).toEqual([second.spec.hostname, 'sh'])
    const cgroups = readFileSync(`/proc/${second.pid}/cgroup`, 'utf8')
    expect(cgroups).toContain(second.id)
    await second.kill('SIGKILL')
    expect(await second.wait()).toMatchObject({ signal: 'SIGKILL' })
    await second.delete()
    const lines = `${output()}${restored()}`.trim().split('\n').map(Number)
    expect(lines.slice(0, before)).toEqual(lines.slice(0, before).map((_, index) => index + 1))
    expect(restored().trim().split('\n').length).toBeGreaterThanOrEqual(3)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('criu-root')
  }, slow)

  test('leaveRunning, then a dump of a paused container, and it goes on from there', async () => {
    const { change, counted } = withData()
    const first = await sandbox.run(counter, change)
    await more(counted, 2)
    await first.checkpoint({ ...still, imagePath: images(), leaveRunning: true })
    expect((await first.state()).status).toBe('running')
    await more(counted, counted().length + 2)
    await first.pause()
    const path = images()
    await first.checkpoint({ ...still, imagePath: path })
    const before = counted().length
    const work = images()
    mkdirSync(work)
    const second = await restore(first, path, { workPath: work })
    await more(counted, before + 2)
    expect((await second.state()).status).toBe('running')
    expect([path, work].map((directory) => existsSync(join(directory, 'restore.log')))).toEqual([false, true])
    await second.pause()
    await second.resume()
  }, slow)

  describeWith(['memoryTracking'], 'memory tracking', () => {
    test('a dump of memory first, then what has changed since', async () => {
      const { change, counted } = withData()
      const first = await sandbox.run(counter, change)
      await more(counted, 2)
      const [early, late] = [images(), images()]
      await first.checkpoint({ ...still, imagePath: early, preDump: true })
      await more(counted, counted().length + 2)
      mkdirSync(late)
      await first.checkpoint({ ...still, imagePath: late, parentPath: `../${early.slice(early.lastIndexOf('/') + 1)}` })
      expect(existsSync(join(late, 'parent'))).toBe(true)
      const before = counted().length
      await restore(first, late)
      await more(counted, before + 2)
    }, slow)
  })

  test('the command line, with a terminal: the shell is the same, and its terminal is a new one', async () => {
    const { id, bundle } = sandbox.bundle(['sh'], ({ process }) => {
      process.terminal = true
      process.env.push('PS1=ready> ')
    })
    const open = async () => {
      const path = join(sandbox.directory, `console-${++count}.sock`)
      return { path, pty: await Pty.listen(path) }
    }
    const [first, second] = [await open(), await open()]
    try {
      const path = images()
      expect(await sandbox.nrunc(['run', '-d', '--console-socket', first.path, '-b', bundle, id])).toMatchObject({ code: 0, stderr: '' })
      await first.pty.shows(/ready> /)
      first.pty.type('marked=4711\r')
      await first.pty.shows(/4711[^]*ready> /)
      expect(await sandbox.nrunc(['checkpoint', '--shell-job', '--network-lock', 'skip', '--image-path', path, id])).toEqual({ code: 0, stdout: '', stderr: '' })
      expect((await sandbox.nrunc(['state', id])).code).toBe(1)
      const words = ['restore', '-d', '--shell-job', '--network-lock', 'skip', '--console-socket', second.path, '--pid-file', join(bundle, 'pid'), '--image-path', path, '-b', bundle, id]
      expect(await sandbox.nrunc(words)).toEqual({ code: 0, stdout: '', stderr: '' })
      second.pty.type('echo "<$marked>"; tty\r')
      await second.pty.shows(/<4711>\r\n\/dev\/pts\/0/)
      expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running', pid: Number(readFileSync(join(bundle, 'pid'), 'utf8')) })
    } finally {
      first.pty.close()
      second.pty.close()
    }
  }, slow)

  test('a read-only root is read-only again', async () => {
    const first = await sandbox.run(idle, ({ root }) => { root.readonly = true })
    expect(await rootOptions(first)).toMatch(/^ro,/)
    const path = images()
    await first.checkpoint({ ...still, imagePath: path })
    const second = await restore(first, path)
    expect(await rootOptions(second)).toMatch(/^ro,/)
  }, slow)

  test('a container with a user namespace, when its root may enter the directory of the images', async () => {
    const first = await sandbox.run(idle, ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
      linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
    })
    const path = images()
    await first.checkpoint({ ...still, imagePath: path })
    chmodSync(path, 0o711)
    const second = await restore(first, path)
    const { stdout } = await second.execute({ args: ['cat', '/proc/1/uid_map', '/proc/1/gid_map'] })
    expect(stdout.trim().split(/\s+/).map(Number)).toEqual([0, 100_000, 65_536, 0, 200_000, 65_536])
  }, slow)

  test('a restore that fails says why and leaves nothing, and the next one succeeds', async () => {
    const { change, counted } = withData()
    const first = await sandbox.run(counter, change)
    await more(counted, 2)
    const path = images()
    await first.checkpoint({ ...still, imagePath: path })
    const before = counted().length
    const core = join(path, readdirSync(path).find((name) => /^core-.*\.img$/.test(name))!)
    renameSync(core, `${core}.away`)
    await expect(restore(first, path)).rejects.toMatchObject({ code: 'ERR_CRIU', message: expect.stringMatching(/^criu failed: type RESTORE errno.*\(criu\/.*log file.*restore\.log\)$/) })
    await expect(sandbox.runtime.load(first.id)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    expect(testCgroups(first.id)).toEqual([])
    expect(counted().length).toBe(before)
    renameSync(`${core}.away`, core)
    await restore(first, path)
    await more(counted, before + 2)
  }, slow)

  test('a checkpoint that cannot be made (a file of the host is open) says why, and the container goes on', async () => {
    const { change, counted } = withData()
    const id = sandbox.id()
    const { openSync, closeSync } = await import('node:fs')
    const file = openSync(join(sandbox.directory, 'output'), 'w')
    const first = sandbox.keep(await sandbox.runtime.run({ id, bundle: sandbox.directory, spec: specFor(id, counter, change), stdin: 'ignore', stdout: file }))
    closeSync(file)
    await more(counted, 1)
    await expect(first.checkpoint({ ...still, imagePath: images() })).rejects.toMatchObject({ code: 'ERR_CRIU', message: expect.stringMatching(/^criu failed: type DUMP errno.*\(criu\/.*log file/) })
    await more(counted, counted().length + 2)
  }, slow)
})
