/**
 * A process that a debugger holds on to when it ends: it cannot be reaped before that lets go.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { useSandbox } from '../helpers/containers.ts'
import { statOf, until } from '../helpers/host.ts'
import { delayed } from '../helpers/inject.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'

const SAMPLES = 50

/** Of the thread of this process that runs most: how often, of 50 times, it was found running. */
async function busiest(): Promise<number> {
  const counts = new Map<string, number>()
  for (let time = 0; time < SAMPLES; time++) {
    await sleep(2)
    for (const thread of readdirSync('/proc/self/task').filter((one) => Number(one) !== process.pid)) {
      const stat = readFileSync(join('/proc/self/task', thread, 'stat'), 'latin1')
      if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('R')) counts.set(thread, (counts.get(thread) ?? 0) + 1)
    }
  }
  return Math.max(0, ...counts.values())
}

describeWith(container, 'a traced process', () => {
  const sandbox = useSandbox()
  const tracers: ChildProcess[] = []
  afterEach(() => void tracers.splice(0).forEach((tracer) => tracer.kill('SIGKILL')))

  const traceOf = async (pid: number): Promise<ChildProcess> => {
    const tracer = spawn(bench().probe, ['hold', String(pid)], { stdio: ['pipe', 'pipe', 'inherit'] })
    tracers.push(tracer)
    const [said] = await once(tracer.stdout!, 'data') as [Buffer]
    expect(said.toString()).toBe('ready\n')
    return tracer
  }

  test('whose end is held back: no thread is busy with it, and its end is told when the tracer lets go', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const tracer = await traceOf(made.pid)
    await made.kill('SIGKILL')
    await until(() => statOf(made.pid)?.state === 'Z')
    let told = false
    const end = made.wait({ stats: false }).then((exit) => { told = true; return exit })
    expect([await busiest() < SAMPLES / 2, told]).toEqual([true, false])
    tracer.stdin!.end('\n')
    expect(await end).toMatchObject({ code: null, signal: 'SIGKILL' })
    expect(statOf(made.pid)).toBe(undefined)
    await made.delete()
  })

  test('whose tracer is killed: its end is told, too', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const tracer = await traceOf(made.pid)
    await made.kill('SIGKILL')
    await until(() => statOf(made.pid)?.state === 'Z')
    tracer.kill('SIGKILL')
    expect(await made.wait({ stats: false })).toMatchObject({ code: null, signal: 'SIGKILL' })
    await made.delete()
  })
})

describeWith([...container, 'cli', 'faults'], 'a process that forks, and goes on as another', () => {
  const sandbox = useSandbox()

  test('has ended when the end of that is told', async () => {
    const { id } = await sandbox.run(['sleep', '1000'])
    // The end of each is slow. Were that of the first not waited for, the command would come to its own before.
    const { pid, code, lines } = await delayed(['--root', sandbox.root, 'exec', id, 'sh', '-c', 'kill -9 $$'], 'exit_group', 4000)
    const first = lines.find(([one, what]) => one !== pid && what.startsWith('exit_group('))![0]
    const own = lines.findIndex(([one, what]) => one === pid && what.startsWith('exit_group('))
    expect(own).toBeGreaterThan(0)
    expect(code).toBe(137) // there is news of a process once more when it was reaped
    expect(lines.slice(0, own)).toContainEqual([first, expect.stringMatching(/^\+\+\+ (killed|exited)/)])
  })
})
