import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FIFO, isAlive, namespaceProcesses, statusOf } from '../../../lib/state/status.ts'
import { stateOf, temporaryDirectory } from './samples.ts'

const temporary = temporaryDirectory()
const sleep = execFileSync('sh', ['-c', 'command -v sleep'], { encoding: 'utf8' }).trim()
const started: ChildProcess[] = []

function start(program: string, args: readonly string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  started.push(child)
  return child as ChildProcess & { readonly pid: number }
}

afterAll(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  }
})

/** Fields of /proc/PID/stat from the third on; the second, in parentheses, may hold anything. proc_pid_stat(5). */
const fieldsOf = (pid: number): string[] =>
  /.*\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))![1]!.split(' ')
const startTimeOf = (pid: number): number => Number(fieldsOf(pid)[19])

/** A process of this one's that runs until the tests have ended. */
let running: ChildProcess & { readonly pid: number }
let unnamed: ChildProcess & { readonly pid: number }
beforeAll(async () => {
  running = start(sleep, ['600'])
  const program = join(mkdtempSync(join(temporary, 'init-')), '#12 (deleted)')
  copyFileSync(sleep, program)
  unnamed = start(program, ['600'])
  await Promise.all([once(running, 'spawn'), once(unnamed, 'spawn')])
})

describe('a process is alive', () => {
  test('when pid and start time fit, whether the time is a number or a text', () => {
    expect(isAlive(running.pid, startTimeOf(running.pid))).toBe(true)
    expect(isAlive(running.pid, String(startTimeOf(running.pid)))).toBe(true)
  })

  test('not when the pid was given to another one', () => {
    expect(isAlive(running.pid, startTimeOf(running.pid) + 1)).toBe(false)
    expect(isAlive(running.pid, '')).toBe(false)
  })

  test('whatever its name looks like', async () => {
    for (const name of ['a) Z 1 (b', ') R 0 0', '((', 'new\nline) Z', '  ']) {
      const program = join(mkdtempSync(join(temporary, 'name-')), name)
      copyFileSync(sleep, program)
      const child = start(program, ['600'])
      await once(child, 'spawn')
      expect(isAlive(child.pid, startTimeOf(child.pid)), name).toBe(true)
      expect(isAlive(child.pid, startTimeOf(child.pid) + 1), name).toBe(false)
    }
  })

  test('not when it is gone', async () => {
    const child = start(sleep, ['600'])
    await once(child, 'spawn')
    const time = startTimeOf(child.pid)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(child.pid, time)).toBe(false)
    expect(isAlive(0, 0)).toBe(false)
  })

  test('not when it is a zombie: its parent has not asked, but nothing runs', async () => {
    const parent = start('sh', ['-c', `exec 3<&0; sh -c 'read line' <&3 & echo $!; exec ${sleep} 600`])
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer]
    const pid = Number(line.toString())
    while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') await new Promise(
      (resolve) => setTimeout(resolve, 5),
    )
    parent.stdin!.end()
    while (fieldsOf(pid)[0] !== 'Z') await new Promise((resolve) => setTimeout(resolve, 5))
    expect(isAlive(pid, startTimeOf(pid))).toBe(false)
  })
})

describe('the status', () => {
  const alive = (changes = {}) => stateOf({
    init_process_pid: running.pid, init_process_start: startTimeOf(running.pid), cgroup_paths: {}, ...changes,
  })
  /** Of a process with a program that has no name, as init where the host allows no executable memory files. */
  const init = () => stateOf({ init_process_pid: unnamed.pid, init_process_start: startTimeOf(unnamed.pid), cgroup_paths: {} })
  const directory = (fifo: boolean): string => {
    const path = mkdtempSync(join(temporary, 'web-'))
    if (fifo) writeFileSync(join(path, FIFO), '')
    return path
  }
  /** A cgroup directory with one file. */
  const cgroup = (file: string, content: string): string => {
    const path = mkdtempSync(join(temporary, 'cgroup-'))
    writeFileSync(join(path, file), content)
    return path
  }

  test('created while the FIFO is there, running afterwards', () => {
    expect(statusOf(directory(true), init())).toBe('created')
    expect(statusOf(directory(false), init())).toBe('running')
  })

  test('running when whoever started it was killed before the FIFO was removed: the program is not init any more', () => {
    expect(statusOf(directory(true), alive())).toBe('running')
  })

  test('stopped without its process, even when the FIFO is there or the cgroup frozen', () => {
    const state = alive({ init_process_start: 1, cgroup_paths: { freezer: cgroup('freezer.self_freezing', '1\n') } })
    expect(statusOf(directory(false), state)).toBe('stopped')
    expect(statusOf(directory(true), state)).toBe('stopped')
  })

  test.each([['1\n', 'paused'], ['0\n', 'running']])('v1: %j is %s, whatever a cgroup above it is', (content, status) => {
    const freezer = cgroup('freezer.self_freezing', content)
    writeFileSync(join(freezer, 'freezer.state'), 'FROZEN\n')
    expect(statusOf(directory(false), alive({ cgroup_paths: { freezer } })))
      .toBe(status)
  })

  test.each([['1\n', 'paused'], ['0\n', 'running']])('v2: %j is %s', (content, status) => {
    expect(statusOf(directory(false), alive({ cgroup_paths: { '': cgroup('cgroup.freeze', content) } }))).toBe(status)
  })

  test('on a hybrid host the freezer of v1 is asked', () => {
    const paths = { '': cgroup('cgroup.freeze', '0\n'), freezer: cgroup('freezer.self_freezing', '1\n') }
    expect(statusOf(directory(false), alive({ cgroup_paths: paths }))).toBe('paused')
  })

  test('a frozen container that was not started is paused', () => {
    expect(statusOf(directory(true), alive({ cgroup_paths: { '': cgroup('cgroup.freeze', '1\n') } }))).toBe('paused')
  })

  test('a cgroup that is gone is not frozen', () => {
    expect(statusOf(directory(false), alive({ cgroup_paths: { freezer: '/nowhere' } }))).toBe('running')
  })
})

describe('the processes of a pid namespace', () => {
  test('of the caller\'s own only the one that is asked for: the others are not the container\'s', () => {
    expect(namespaceProcesses(running.pid)).toEqual([running.pid])
  })

  test('of a process that is gone only itself', () => {
    expect(namespaceProcesses(0)).toEqual([0])
  })
})
