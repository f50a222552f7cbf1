/**
 * The tutorial, second part: terminal false and args sleep; create, list, ps, start, ps, exec, list, delete. Each test
 * is one step of it: the container outlives the test.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { State } from '../../../lib/index.ts'
import { testCgroups } from '../../helpers/cgroup.ts'
import { program } from '../../helpers/cli.ts'
import { until } from '../../helpers/host.ts'
import { container, describeWith } from '../../helpers/needs.ts'
import { Pty } from '../../helpers/pty.ts'
import { rowsOf, useTutorial } from './tutorial.ts'

describeWith([...container, 'cli', 'compiler'], 'tutorial: create, start, delete', () => {
  const tutorial = useTutorial()
  const { id, must, sandbox } = tutorial
  const row = async () => rowsOf(await must('list'))[0]
  let pty: Pty | undefined
  afterEach(() => pty?.close())

  test('list: a header and nothing below it', async () => {
    expect((await must('list')).trim().split(/\s+/)).toEqual(['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'])
  })

  test('create says nothing', async () => {
    tutorial.edit(({ process }) => Object.assign(process!, { terminal: false, args: ['sleep', '1000'] }))
    expect(await must('create', id)).toBe('')
  })

  test('list shows it as created', async () => {
    const [name, pid, status, bundle, created, owner] = await row() ?? []
    expect([name, status, bundle, owner]).toEqual([id, 'created', tutorial.bundle(), 'root'])
    expect(Number(pid)).toBeGreaterThan(1)
    expect(Date.parse(created ?? '')).not.toBeNaN()
  })

  test('list --format json and -q', async () => {
    const [state] = JSON.parse(await must('list', '-f', 'json')) as State[]
    expect(state).toMatchObject({ id, status: 'created', bundle: tutorial.bundle(), owner: 'root' })
    expect(await must('list', '-q')).toBe(`${id}\n`)
  })

  test('state says the same, in two spaces of indentation and without a newline', async () => {
    const text = await must('state', id)
    const state = JSON.parse(text) as State
    expect(state).toMatchObject({
      id,
      status: 'created',
      bundle: tutorial.bundle(),
      rootfs: join(tutorial.bundle(), 'rootfs'),
    })
    expect(text).toBe(JSON.stringify(state, null, 2))
  })

  test('ps shows init', async () => {
    const [header = '', ...lines] = (await must('ps', id)).trim().split('\n')
    expect(header).toMatch(/\bPID\b/)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('init')
    expect(lines[0]).not.toContain('sleep')
  })

  test('start says nothing', async () => {
    expect(await must('start', id)).toBe('')
  })

  test('list shows it as running', async () => {
    expect((await row())?.[2]).toBe('running')
  })

  test('ps shows sleep', async () => {
    const lines = (await must('ps', id)).trim().split('\n').slice(1)
    expect(lines).toEqual([expect.stringMatching(/sleep 1000$/)])
    const { pid } = JSON.parse(await must('state', id)) as State
    expect(await must('ps', '--format', 'json', id)).toBe(`[${pid}]\n`)
    expect((await must('ps', id, '-o', 'pid,args')).trim().split('\n')[1]?.trim()).toBe(`${pid} sleep 1000`)
  })

  test('start again is refused', async () => {
    const { code, stderr } = await tutorial.nrunc(['start', id])
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot start an already running container')])
  })

  test('exec ls /', async () => {
    expect((await must('exec', id, 'ls', '/')).trim().split('\n')).toEqual(
      expect.arrayContaining(['bin', 'dev', 'proc', 'sys']),
    )
  })

  test('exec -t /bin/sh', async () => {
    pty = Pty.open([process.execPath, program, '--root', sandbox.root, 'exec', '-t', id, '/bin/sh'])
    await pty.shows(/# /)
    pty.type('ps -o pid,args\r')
    await pty.shows(/1 sleep 1000\r\n/)
    pty.type('exit 9\r')
    expect(await pty.ended).toBe(9)
  })

  test('delete of a running container is refused', async () => {
    const { code, stderr } = await tutorial.nrunc(['delete', id])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`cannot delete container ${id} that is not stopped: running`),
    ])
  })

  test('kill, and delete when list shows it as stopped', async () => {
    expect(await must('kill', id, 'KILL')).toBe('')
    await until(async () => (await row())?.[2] === 'stopped')
    expect(await must('delete', id)).toBe('')
  })

  test('create and start with sleep 5', async () => {
    tutorial.edit(({ process }) => Object.assign(process!, { args: ['sleep', '5'] }))
    expect([await must('create', id), await must('start', id)]).toEqual(['', ''])
  })

  test('list shows it as stopped when it has slept', async () => {
    await until(async () => (await row())?.[2] === 'stopped')
    expect((await row())?.[1]).toBe('0')
  })

  test('delete takes it away', async () => {
    expect(await must('delete', id)).toBe('')
    expect((await must('list')).trim().split('\n')).toHaveLength(1)
    expect([existsSync(join(sandbox.root, id)), testCgroups(id)]).toEqual([false, []])
  })

  test('delete --force, of a running one and of none', async () => {
    await must('run', '-d', id)
    expect(await must('delete', '--force', id)).toBe('')
    expect(await must('delete', '--force', id)).toBe('')
    expect(testCgroups(id)).toEqual([])
  })
})
