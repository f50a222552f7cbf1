/**
 * The measuring process and the handle that the harness has of it. A worker is a Node process that is filled up to a
 * given size and starts containers when it is told to; the harness decides the order, across all workers.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { createdMemory, type Creator, type Memory } from './memory.ts'
import { modes, type ModeName, type Places, type SubjectName } from './options.ts'
import { openSubject, type Start } from './subjects.ts'

type Request =
  | { readonly do: 'open'; readonly subject: SubjectName }
  | { readonly do: 'measure'; readonly subject: SubjectName; readonly mode: ModeName }
  | { readonly do: 'memory'; readonly creator: Creator }
  | { readonly do: 'size' }

type Answer = { readonly value: unknown } | { readonly error: string }

const ballast: Buffer[] = []

/** Allocate and touch memory until this process has an RSS of `megabytes` (2^20 bytes). */
const fillUp = (megabytes: number): void => {
  const missing = (): number => megabytes - process.memoryUsage.rss() / 2 ** 20
  for (let left = missing(); left > 0; left = missing()) {
    ballast.push(Buffer.alloc(Math.ceil(Math.min(left, 16)) * 2 ** 20, 1))
  }
}

const started = new Map<SubjectName, Start>()

/** Milliseconds for one start: of the subject itself for one, of the whole batch divided by its size for several. */
const sample = async (start: Start, atOnce: number): Promise<number> => {
  if (atOnce === 1) return Number(await start(0)) / 1e6
  const before = process.hrtime.bigint()
  await Promise.all(Array.from({ length: atOnce }, (_, slot) => start(slot)))
  return Number(process.hrtime.bigint() - before) / 1e6 / atOnce
}

const measure = async (subject: SubjectName, mode: ModeName): Promise<number[]> => {
  const { atOnce, idle, burst, lead } = modes[mode]
  const start = started.get(subject)
  if (start === undefined) throw new Error(`${subject} is not open`)
  const samples: number[] = []
  for (let index = -lead; index < burst; index++) {
    if (idle > 0) await sleep(idle)
    const time = await sample(start, atOnce)
    if (index >= 0) samples.push(time)
  }
  await start.settle?.()
  return samples
}

const handle = async (request: Request, places: Places): Promise<unknown> => {
  switch (request.do) {
    case 'open': return void started.set(request.subject, await openSubject(request.subject, places))
    case 'measure': return measure(request.subject, request.mode)
    case 'memory': return createdMemory(request.creator, places)
    case 'size': return process.memoryUsage.rss() / 2 ** 20
  }
}

/** The worker's main program: answers requests until the harness is gone. */
export const serve = (resident: number, places: Places): void => {
  fillUp(resident)
  const answer = (message: Answer): void => void process.send?.(message, undefined, undefined, () => {})
  process.on('message', (request: Request) => {
    handle(request, places).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    )
  })
  process.once('disconnect', () => process.exit())
}

/** The worker is gone, e.g. crashed: nothing more can be measured. */
export class WorkerGone extends Error {}

/** A worker, as the harness sees it. One request at a time. */
export class Worker {
  readonly #child: ChildProcess

  /** Start this program again as a worker whose RSS is at least `resident` MB. */
  constructor(program: string, resident: number, places: Places) {
    this.#child = fork(program, ['--resident', String(resident), JSON.stringify(places)])
  }

  /** @throws Error with the worker's message, after which it goes on, or WorkerGone. */
  async #request(request: Request): Promise<unknown> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      const gone = (code: number | null, signal: string | null): void =>
        reject(new WorkerGone(`the measuring process ended with ${signal ?? code}`))
      if (!this.#child.connected) return gone(this.#child.exitCode, this.#child.signalCode)
      this.#child.once('exit', gone)
      this.#child.once('message', (message: Answer) => {
        this.#child.off('exit', gone)
        resolve(message)
      })
      this.#child.send(request)
    })
    if ('error' in answer) throw new Error(answer.error)
    return answer.value
  }

  /** Make a subject ready to be measured. */
  async open(subject: SubjectName): Promise<void> {
    await this.#request({ do: 'open', subject })
  }

  /** One round of a subject in a mode: milliseconds for each start that counts. */
  async measure(subject: SubjectName, mode: ModeName): Promise<number[]> {
    return (await this.#request({ do: 'measure', subject, mode })) as number[]
  }

  async memory(creator: Creator): Promise<Memory> {
    return (await this.#request({ do: 'memory', creator })) as Memory
  }

  /** RSS of the worker, MB. */
  async size(): Promise<number> {
    return (await this.#request({ do: 'size' })) as number
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
