/**
 * How long the event loop is held up: the longest pieces of work on the main thread, for each kind of call.
 *
 * Started by run.mjs as `npm run bench -- blocking [options]`, in a private mount namespace.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type * as NruncModule from '../lib/index.ts'
import { bundleOf, makeBundles, makeRootfs } from './bundle.ts'
import { claimHost, makeGroupRoot, releaseHost } from './host.ts'
import { stateRoot } from './options.ts'
import { type Piece, watchPieces } from './pieces.ts'
import { quantile } from './statistics.ts'

const usage = `usage: npm run bench -- blocking [options]

  --repeats N   how often everything is done (default 100)
  --only NAME   one kind of call
  --json        print every piece, as JSON
`

const quiet = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const
const LIMIT = 1

type Work = (count: number) => Promise<void>

const each = (one: (index: number) => Promise<unknown>): Work => async (count) => {
  for (let index = 0; index < count; index++) {
    await one(index)
    await turn()
  }
}

/** What is measured, ready to run. */
async function* subjects({ Runtime }: typeof NruncModule, work: string): AsyncGenerator<[string, Work]> {
  const root = join(stateRoot, 'library')
  const runtime = new Runtime({ root })
  const bundle = bundleOf(work, 'library', 0)
  const end = async (container: NruncModule.Container): Promise<void> => {
    await container.wait()
    await container.delete()
  }
  const spec = (await runtime.compile({ bundle, networksAhead: 0 })).spec
  const { cgroupsPath: _, ...linux } = spec.linux!
  const free = { bundle, spec: { ...spec, linux } }

  yield ['run', each(async () => end(await runtime.run({ bundle, ...quiet })))]
  yield ['run, config in memory', each(async () => end(await runtime.run({ ...free, ...quiet })))]
  yield ['create, start', each(async () => {
    const container = await runtime.create({ bundle, ...quiet })
    await container.start()
    await end(container)
  })]
  yield ['run of a program of the host', each(async () => end(await runtime.run({ host: { args: ['true'] }, ...quiet })))]
  yield ['execute, 1 MB of output', each(async () => runtime.execute({
    ...free, spec: { ...free.spec, process: { ...free.spec.process!, args: ['/bin/sh', '-c', 'head -c 1000000 /dev/zero'] } },
  }))]
  yield ['compile', each(async () => (await runtime.compile(free)).close())]
  const template = await runtime.compile(free)
  yield ['template', each(async () => end(await template.run(quiet)))]
  yield ['template, 32 at a time', async (count) => {
    await Promise.all(Array.from({ length: 32 }, () => each(async () => end(await template.run(quiet)))(Math.ceil(count / 32))))
  }]
  yield ['template, 500 calls at once', async (count) => {
    if (count >= 100) await Promise.all(Array.from({ length: 500 }, async () => end(await template.run(quiet))))
  }]
  template.close()
  const pool = await runtime.pool({ ...free, size: 16 })
  yield ['pool', each(async () => {
    await end(await pool.acquire(quiet))
    while (pool.ready < 8) await sleep(5)
  })]
  await pool.close()

  const sleeper = { ...free, spec: { ...free.spec, root: { ...free.spec.root, readonly: false }, process: { ...free.spec.process!, args: ['/bin/sleep', '100000'] } } }
  const container = await runtime.run({ ...sleeper, ...quiet })
  try {
    yield ['exec', each(async () => (await container.exec({ args: ['/bin/true'], ...quiet })).wait())]
    yield ['state, stats, processes', each(async () => [await container.state(), await container.stats(), await container.processes()])]
    yield ['update, pause, resume', each(async () => {
      await container.update({ cpu: { shares: 512 } })
      await container.pause()
      await container.resume()
    })]
    const content = Buffer.alloc(10 << 20)
    const text = Buffer.from('grün '.repeat(2 << 20)).toString() // in one piece, as one that comes from elsewhere
    yield ['files, 10 MB of text', each(async () => {
      await container.writeFile('/tmp/file', text)
      await container.readFile('/tmp/file', { encoding: 'utf8' })
    })]
    yield ['files, 10 MB', each(async () => {
      await container.writeFile('/tmp/file', content)
      await container.readFile('/tmp/file')
    })]
  } finally {
    await container.delete({ force: true })
  }
  const many: NruncModule.Container[] = []
  try {
    yield ['list of 100', async (count) => {
      while (many.length < 100) many.push(await runtime.create({ ...sleeper, ...quiet }))
      await each(() => runtime.list())(count)
    }]
  } finally {
    for (const one of many) await one.delete({ force: true })
  }
}

const line = (name: string, pieces: readonly Piece[], first: number): string => {
  const times = pieces.map(({ time }) => time).sort((one, other) => one - other)
  const { kind } = pieces.reduce((most, piece) => (piece.time > most.time ? piece : most))
  const numbers = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1)!, first].map((time) => time.toFixed(2))
  return `| ${[name, times.length, ...numbers, times.filter((time) => time > LIMIT).length, kind].join(' | ')} |\n`
}

const main = async (): Promise<void> => {
  const [home, work, busybox, , , ...args] = process.argv.slice(2) as [string, string, string, string, string]
  const { values } = parseArgs({
    args, options: {
      repeats: { type: 'string', default: '100' }, only: { type: 'string' },
      json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const repeats = Number(values.repeats)
  const clock = join(work, 'thread-clock.node')
  execFileSync('cc', [
    '-O2', '-shared', '-fPIC', '-I', join(home, 'node_modules/node-api-headers/include'), '-o', clock, join(home, 'bench/thread-clock.c'),
  ], { stdio: 'inherit' })
  const watch = watchPieces(clock)
  claimHost()
  process.once('exit', releaseHost)
  makeGroupRoot()
  makeRootfs(work, busybox)
  makeBundles(work, 'library', 1)
  const nrunc = (await import(pathToFileURL(join(home, 'dist/index.js')).href)) as typeof NruncModule
  if (!values.json) {
    process.stdout.write('Milliseconds on a processor without a return to the event loop; first: the longest of the first call.\n\n')
    process.stdout.write('| call | pieces | median | 99% | longest | first | over 1 ms | called by |\n|---|---|---|---|---|---|---|---|\n')
  }
  const all: Record<string, Piece[]> = {}
  for await (const [name, run] of subjects(nrunc, work)) {
    if (values.only !== undefined && values.only !== name) continue
    watch.take()
    await run(1)
    await turn()
    const first = Math.max(...watch.take().map(({ time }) => time))
    await run(Math.min(50, repeats))
    await turn()
    watch.take()
    await run(repeats)
    await turn()
    const pieces = all[name] = watch.take()
    if (!values.json) process.stdout.write(line(name, pieces, first))
  }
  if (values.json) process.stdout.write(`${JSON.stringify(all)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`blocking: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
})
