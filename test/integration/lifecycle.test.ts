/**
 * The life of a container through the library: created, running, stopped, deleted. Source: runtime-spec runtime.md
 * "Lifecycle", "State".
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Runtime } from '../../lib/index.ts'
import { bySystemd, cgroupsPathOf, testCgroups } from '../helpers/cgroup.ts'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { isRunning } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'the life of a container', () => {
  const sandbox = useSandbox()

  test('created: everything is set up and the program has not run', async () => {
    const made = await sandbox.create(['echo', 'ran'])
    const state = await made.state()
    expect(state).toEqual({
      ociVersion: '1.3.0',
      id: made.id,
      pid: made.pid,
      status: 'created',
      bundle: sandbox.directory,
      rootfs: made.spec.root.path,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      owner: 'root',
    })
    expect(isRunning(made.pid)).toBe(true)
    expect(readFileSync(`/proc/${made.pid}/mountinfo`, 'utf8')).toContain(' /dev/mqueue ')
  })

  test('started: the program runs, and its output and exit code arrive', async () => {
    const made = await sandbox.create(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    await made.start()
    expect(await end(made)).toEqual({ code: 7, signal: null, stdout: 'out\n', stderr: 'err\n' })
    expect((await made.state()).status).toBe('stopped')
    expect((await made.state()).pid).toBe(0)
  })

  test('running, however it was started: killed by a signal, which wait() names', async () => {
    const started = await sandbox.create(['sleep', '1000'])
    await started.start()
    expect((await started.state()).status).toBe('running')
    const made = await sandbox.run(['sleep', '1000'])
    expect((await made.state()).status).toBe('running')
    await made.kill('SIGKILL')
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('wait() can be called many times, before and after the end', async () => {
    const made = await sandbox.run(['sh', '-c', 'exit 3'])
    const before = [made.wait(), made.wait()]
    expect(await Promise.all([...before, made.wait()])).toMatchObject(Array(3).fill({ code: 3, signal: null }))
    expect(await made.wait()).toMatchObject({ code: 3, signal: null })
    await made.delete()
    expect(await made.wait()).toMatchObject({ code: 3, signal: null })
  })

  test('signals arrive by name and by number', async () => {
    const script =
      'trap "echo one" USR1; trap "echo two" USR2; trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done'
    const made = await sandbox.run(['sh', '-c', script])
    const lines = made.stdout![Symbol.asyncIterator]()
    const next = async () => String((await lines.next()).value)
    expect(await next()).toBe('ready\n')
    await made.kill('usr1')
    expect(await next()).toBe('one\n')
    await made.kill(12)
    expect(await next()).toBe('two\n')
    await made.kill()
    expect(await made.wait()).toMatchObject({ code: 9, signal: null })
  })

  test('deleted: nothing is left of it', async () => {
    const made = await sandbox.run(['true'])
    await made.wait()
    // systemd takes away what is empty.
    if (!bySystemd) expect(testCgroups(made.id)).not.toEqual([])
    await made.delete()
    expect(testCgroups(made.id)).toEqual([])
    expect(existsSync(join(sandbox.root, made.id))).toBe(false)
    const error = await rejection(made.state())
    expect([error.code, error.message]).toEqual(['ERR_NOT_FOUND', `container "${made.id}" does not exist`])
    expect((await rejection(made.delete())).code).toBe('ERR_NOT_FOUND')
  })

  test('a created container is deleted with its waiting process', async () => {
    const made = await sandbox.create(['true'])
    await made.delete()
    expect(isRunning(made.pid)).toBe(false)
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('a running container is deleted only by force', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const error = await rejection(made.delete())
    expect([error.code, error.message]).toEqual([
      'ERR_STATUS',
      `cannot delete container ${made.id} that is not stopped: running`,
    ])
    expect(isRunning(made.pid)).toBe(true)
    await made.delete({ force: true })
    expect(isRunning(made.pid)).toBe(false)
  })

  test('a container without a pid namespace is ended with all its processes', async () => {
    const made = await sandbox.run(['sh', '-c', 'sleep 1000 & sleep 1000 & wait'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
    })
    await expect.poll(async () => (await made.processes()).length).toBe(3)
    const pids = await made.processes()
    await made.kill('SIGKILL')
    await made.wait()
    await expect.poll(() => pids.filter(isRunning)).toEqual([])
  })

  test('`await using` deletes what still runs', async () => {
    let pid = 0
    {
      await using made = await sandbox.run(['sleep', '1000'])
      pid = made.pid
      expect(isRunning(pid)).toBe(true)
    }
    expect(isRunning(pid)).toBe(false)
    expect(await sandbox.runtime.list()).toEqual([])
  })

  test('list() has every container of its root, by id, and no other', async () => {
    const [second, first] = [await sandbox.create(['true'], undefined, { id: `${sandbox.prefix}-b` }),
      await sandbox.run(['sleep', '1000'], undefined, { id: `${sandbox.prefix}-a` })]
    const states = await Promise.all((await sandbox.runtime.list()).map((one) => one.state()))
    expect(states.map(({ id, status }) => [id, status])).toEqual([[first.id, 'running'], [second.id, 'created']])
    expect(await new Runtime({ root: join(sandbox.directory, 'other') }).list()).toEqual([])
  })

  test('an id is made up where none is given', async () => {
    const spec = sandbox.spec(['true'], ({ linux }) => { linux.cgroupsPath = cgroupsPathOf(sandbox.id()) })
    const made = sandbox.keep(await sandbox.runtime.run({ bundle: sandbox.directory, spec, stdin: 'ignore' }))
    expect(made.id).toMatch(/^[0-9a-f]{32}$/)
    expect((await made.wait()).code).toBe(0)
  })

  test('the state on disk is the caller\'s alone', async () => {
    const made = await sandbox.create(['true'])
    expect(statSync(join(sandbox.root, made.id)).mode & 0o777).toBe(0o700)
    const state = JSON.parse(readFileSync(join(sandbox.root, made.id, 'state.json'), 'utf8')) as Record<string, unknown>
    expect(Object.keys(state)).toEqual(
      expect.arrayContaining([
        'id',
        'init_process_pid',
        'init_process_start',
        'created',
        'config',
        'rootless',
        'cgroup_paths',
        'namespace_paths',
        'external_descriptors',
        'intel_rdt_path',
      ]),
    )
    expect(state['init_process_pid']).toBe(made.pid)
    const start = readFileSync(`/proc/${made.pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19]
    expect(String(state['init_process_start'])).toBe(start)
  })

  test('annotations are in the state', async () => {
    const made = await sandbox.create(['true'], (spec) => { spec.annotations = { 'org.example.key': 'value' } })
    expect((await made.state()).annotations).toEqual({ 'org.example.key': 'value' })
  })

  test('the pid file has the pid and nothing else', async () => {
    const pidFile = join(sandbox.directory, 'pid')
    const made = await sandbox.create(['true'], undefined, { pidFile })
    expect(readFileSync(pidFile, 'utf8')).toBe(String(made.pid))
  })
})
