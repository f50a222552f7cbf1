/**
 * Pausing and resuming: the freezer of v1, `cgroup.freeze` of v2. Source: cgroup-v1/freezer-subsystem, admin-guide/cgroup-v2.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bySystemd, groupRoot, hierarchyOf, testCgroups } from '../helpers/cgroup.ts'
import { isUnified, lackingCgroup2, throughCgroup2 } from '../helpers/cgroup2.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

const hasV1 = hierarchyOf('freezer') !== undefined

/** The freezer's directory of a container: of v1, or the one of cgroup2. */
function freezerOf(id: string): string {
  const found = testCgroups(id).find((path) => existsSync(join(path, hasV1 ? 'freezer.state' : 'cgroup.freeze')))
  if (found === undefined) throw new Error(`${id} has no freezer`)
  return found
}
const freeze = (directory: string): void =>
  writeFileSync(join(directory, hasV1 ? 'freezer.state' : 'cgroup.freeze'), hasV1 ? 'FROZEN' : '1')

/** Clock ticks of a process; proc(5), stat. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

describeWith(container, 'a paused container', () => {
  const sandbox = useSandbox()
  const busy = () => sandbox.run(['sh', '-c', 'while :; do :; done'])

  test('does nothing, until it is resumed', async () => {
    const made = await busy()
    await expect.poll(() => ticks(made.pid)).toBeGreaterThan(0)
    await made.pause()
    expect((await made.state()).status).toBe('paused')
    const before = ticks(made.pid)
    await sleep(100)
    expect(ticks(made.pid)).toBe(before)
    await made.resume()
    expect((await made.state()).status).toBe('running')
    await expect.poll(() => ticks(made.pid)).toBeGreaterThan(before)
  })

  test('is in no status for other calls', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    await made.pause()
    const refused = await Promise.all([
      rejection(made.pause()), rejection(made.exec({ args: ['true'] })), rejection(made.delete()), rejection(made.start()),
    ])
    expect(refused.map(({ code }) => code)).toEqual(Array(4).fill('ERR_STATUS'))
    expect(refused.slice(0, 2).map(({ message }) => message)).toEqual([
      'container not running', 'cannot exec in a paused container (use --ignore-paused to override)',
    ])
    await made.resume()
    expect((await rejection(made.resume())).message).toBe('container not paused')
    await made.kill('SIGKILL')
    await made.wait()
    expect((await rejection(made.pause())).message).toBe('container not running')
  })

  test('is ended by SIGKILL', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    await made.pause()
    await made.kill('SIGKILL')
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('is deleted by force', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    await made.pause()
    await made.delete({ force: true })
    expect([isRunning(made.pid), testCgroups(made.id)]).toEqual([false, []])
  })

  test('all processes of one without a pid namespace are ended', async () => {
    const made = await sandbox.run(['sh', '-c', 'sleep 1000 & sleep 1000'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
    })
    await expect.poll(() => made.processes()).toHaveLength(2)
    const all = await made.processes()
    await made.pause()
    await made.kill('SIGKILL')
    await made.wait()
    expect(all.filter(isRunning)).toEqual([])
  })

  test('that has not been started is started after it was resumed', async () => {
    const made = await sandbox.create(['sh', '-c', 'exit 3'])
    await made.pause()
    await made.resume()
    expect((await made.state()).status).toBe('created')
    await made.start()
    expect((await made.wait()).code).toBe(3)
  })

  test('may be one in which processes come and go', async () => {
    const made = await sandbox.run(['sh', '-c', 'while :; do (:) & (:); done'])
    for (let round = 0; round < 5; round++) {
      await made.pause()
      expect(readFileSync(join(freezerOf(made.id), hasV1 ? 'freezer.state' : 'cgroup.events'), 'utf8')).toMatch(/FROZEN|frozen 1/)
      await made.resume()
    }
  })

  test('frozen in a cgroup below, a process is ended with the container', async () => {
    const made = await sandbox.run(['sh', '-c', 'sleep 1000 & sleep 1000'])
    await expect.poll(() => made.processes()).toHaveLength(2)
    const [, pid] = await made.processes()
    const nested = join(freezerOf(made.id), 'nested')
    mkdirSync(nested)
    writeFileSync(join(nested, 'cgroup.procs'), String(pid))
    freeze(nested)
    expect((await made.state()).status).toBe('running')
    await made.delete({ force: true })
    expect([isRunning(pid!), testCgroups(made.id)]).toEqual([false, []])
  })

  // A scope's parent is a slice of systemd.
  test.skipIf(bySystemd)('what is frozen with a cgroup above it is not paused', async () => {
    const parent = join(dirname(freezerOf((await sandbox.create(['true'])).id)), `${sandbox.prefix}-above`)
    const made = await sandbox.run(['sleep', '1000'], ({ linux }) => {
      linux.cgroupsPath = join(groupRoot, `${sandbox.prefix}-above/one`)
    })
    freeze(parent)
    expect((await made.state()).status).toBe('running')
    writeFileSync(join(parent, hasV1 ? 'freezer.state' : 'cgroup.freeze'), hasV1 ? 'THAWED' : '0')
    await made.delete({ force: true })
    for (const directory of testCgroups(`${sandbox.prefix}-above`)) rmdirSync(directory)
  })

  const onCommandLine = (through: readonly string[]) => async (): Promise<void> => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const run = (...words: string[]) => sandbox.nrunc(words, { through })
    expect((await run('run', '--detach', '--bundle', bundle, id)).code).toBe(0)
    expect(await run('pause', id)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(JSON.parse((await run('state', id)).stdout)).toMatchObject({ status: 'paused' })
    expect(await run('pause', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('container not running') })
    expect(await run('exec', id, 'true')).toMatchObject({ code: 255, stderr: expect.stringContaining('paused container') })
    expect(await run('resume', id)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await run('resume', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('container not paused') })
    expect(await run('delete', '--force', id)).toMatchObject({ code: 0 })
  }
  test('pause and resume on the command line', onCommandLine([]))
  test.skipIf(isUnified || lackingCgroup2 !== undefined)('pause and resume on the command line, on a host with v2 alone', onCommandLine(throughCgroup2))
})
