/**
 * Two processes that work on one container at the same time. One waits for the other, or is told why not; the state is
 * whole at every moment, and a last `delete --force` leaves nothing. NRUNC_TEST_ROUNDS: how often each pair.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const rounds = Number(process.env['NRUNC_TEST_ROUNDS'] ?? 25)
const worker = fileURLToPath(new URL('../helpers/worker.mjs', import.meta.url))
const library = new URL('../../dist/index.js', import.meta.url).href

/** What may come of an operation that another one beside it has overtaken. */
const expected = new Set(['ok', 'ERR_STATUS', 'ERR_NOT_FOUND', 'ERR_ID_EXISTS', 'ERR_INIT', 'ERR_SIGNAL', 'ERR_CGROUP', 'ERR_HOST', 'ERR_PROGRAM'])

async function late(done: () => boolean, work: () => Promise<unknown>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 500))
  if (!done()) await work()
}

describeWith([...container, 'cli'], 'two processes at once', () => {
  const sandbox = useSandbox()
  let both: readonly ChildProcess[] = []
  beforeAll(async () => {
    await sandbox.output(['true']) // what the library opens once
    both = [1, 2].map(() => fork(worker, [sandbox.root, library], { execArgv: [] }))
    await Promise.all(both.map((one) => once(one, 'message')))
  })
  afterAll(async () => {
    await Promise.all(both.map((one) => { one.disconnect(); one.kill('SIGKILL'); return once(one, 'exit') }))
  })

  let asked = 0
  const ask = (who: number, operation: string, id: string, spec?: unknown): Promise<string> => new Promise((resolve) => {
    const number = ++asked, worker = both[who]!
    const listen = ([answered, text]: [number, string]): void => {
      if (answered !== number) return
      worker.off('message', listen)
      resolve(text)
    }
    worker.on('message', listen)
    worker.send([number, operation, id, spec])
  })
  /** Never half a state, nor another's. */
  const checkState = (id: string): void => {
    const path = join(sandbox.root, id, 'state.json')
    let text
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOENT')
      return
    }
    expect(JSON.parse(text)).toMatchObject({ id })
  }

  test.each([
    ['nothing', 'create', 'create'], ['nothing', 'create', 'delete'], ['nothing', 'run', 'delete'], ['nothing', 'run', 'create'],
    ['created', 'start', 'start'], ['created', 'start', 'delete'], ['created', 'start', 'remove'], ['created', 'start', 'kill'],
    ['created', 'exec', 'start'], ['created', 'delete', 'create'],
    ['running', 'kill', 'delete'], ['running', 'exec', 'delete'], ['running', 'exec', 'kill'], ['running', 'exec', 'pause'],
    ['running', 'update', 'pause'], ['running', 'update', 'update'], ['running', 'update', 'delete'], ['running', 'pause', 'delete'],
    ['running', 'pause', 'kill'], ['running', 'pause', 'resume'], ['running', 'delete', 'delete'], ['running', 'delete', 'run'],
  ])('%s: %s and %s', async (before, one, other) => {
    const start = snapshot(sandbox)
    const seen = new Set<string>()
    for (let round = 0; round < rounds; round++) {
      const id = sandbox.id()
      const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = cgroupsPathOf(id) })
      if (before !== 'nothing') expect(await ask(0, before === 'created' ? 'create' : 'run', id, spec)).toBe('ok')
      let done = false
      const work = Promise.all([ask(0, one, id, spec), ask(1, other, id, spec)]).finally(() => { done = true })
      const watching = (async () => {
        while (!done) {
          checkState(id)
          await new Promise(setImmediate)
        }
      })()
      // What was added to a container that is paused goes on when that does.
      const resumed = one === 'exec' && other === 'pause' ? late(() => done, () => ask(1, 'resume', id)) : undefined
      const [first, second] = await work
      await resumed
      await watching
      for (const outcome of [first, second]) expect(expected, `${one}: ${first}, ${other}: ${second}`).toContain(outcome)
      seen.add(`${first} ${second}`)
      if (one === other && ['create', 'start'].includes(one)) expect([first, second].filter((outcome) => outcome === 'ok')).toHaveLength(1)
      checkState(id)
      if (existsSync(join(sandbox.root, id))) await sandbox.runtime.delete(id, { force: true })
      expect((await rejection(sandbox.runtime.load(id))).code).toBe('ERR_NOT_FOUND')
    }
    expect(readdirSync(sandbox.root)).toEqual([])
    await nothingLeft(sandbox, start)
    if (process.env['NRUNC_TEST_FAULTS_LOG']) console.log(one, other, [...seen])
  }, 600_000)
})
