/**
 * The targets in TypeScript; options in run.mjs, which bundles this. A run at random is made of a seed of its own, which is
 * printed with what goes wrong; a guided one writes down the text.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { stringifyJson } from '../lib/spec/parse.ts'
import { random } from '../test/unit/plan/random.ts'
import { Coverage } from './coverage.ts'
import { Guided } from './guided.ts'
import { cpuTime, type Target } from './target.ts'
import { runOnce, targets } from './targets.ts'

/** Milliseconds of the processor for one run, beyond which it counts as a hang. */
const LIMIT = 5000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' }, seconds: { type: 'string' },
    corpus: { type: 'string', default: '' }, found: { type: 'string', default: '' }, merge: { type: 'boolean', default: false },
  },
})
const [name = 'config'] = positionals
const target = targets[name]
if (target === undefined) throw new Error(`no such target: ${name}`)
process.removeAllListeners('warning').on('warning', () => {})

const before = process.memoryUsage.rss()
const seed = Number(values.seed)
const linesOf = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [])
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve)) // warnings are told on a later one

function report(more: object): void {
  const grownMiB = Math.round((process.memoryUsage.rss() - before) / 2 ** 20)
  process.stdout.write(`${JSON.stringify({ target: name, seed, ...more, grownMiB })}\n`)
}

function wrong(how: string, error: unknown): void {
  process.stderr.write(`fuzz: ${name} ${how}: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
}

/** COUNT runs, each of its own seed. */
async function atRandom(what: Target, count: number): Promise<void> {
  const outcomes: Record<string, number> = {}
  let longest = 0
  for (let index = 0; index < count && process.exitCode === undefined; index++) {
    const start = cpuTime()
    try {
      const outcome = runOnce(what, random(seed + index))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    } catch (error) {
      wrong(`--seed ${seed + index} --count 1`, error)
    }
    longest = Math.max(longest, cpuTime() - start)
    if (longest > LIMIT) wrong(`--seed ${seed + index} --count 1`, `took ${Math.round(longest)} ms`)
    if (index % 1000 === 999) await tick()
  }
  report({ count, outcomes, longest: Math.round(longest) })
}

/** For so many seconds, beginning with the corpus and what was found before; what is new is added to FOUND. */
async function guided(what: Target, seconds: number, texts: readonly string[]): Promise<void> {
  const run = new Guided(what, new Coverage(import.meta.url, what.sources, true))
  const from = random(seed)
  const until = performance.now() + seconds * 1000
  let said = performance.now()
  const tell = (): void => report({
    runs: Object.values(run.outcomes).reduce((sum, count) => sum + count, 0), kept: run.kept.length, covered: run.covered,
    longest: Math.round(run.longest), processor: Math.round(cpuTime() / 1000), outcomes: run.outcomes,
  })
  try {
    for (const text of [...what.seeds.map((one) => stringifyJson(one)), ...texts]) run.offer(text)
    while (performance.now() < until) {
      for (const fresh of run.step(from)) if (values.found !== '') appendFileSync(values.found, `${fresh}\n`)
      if (run.longest > LIMIT) throw new Error(`took ${Math.round(run.longest)} ms`)
      await tick()
      if (performance.now() - said < 60_000) continue
      said = performance.now()
      tell()
    }
  } catch (error) {
    writeFileSync(`fuzz-${name}-wrong.json`, run.last)
    wrong(`input in fuzz-${name}-wrong.json`, error)
  }
  tell()
}

const texts = [...linesOf(values.corpus), ...linesOf(values.found)]
if (values.merge) {
  const smallest = new Guided(target, new Coverage(import.meta.url, target.sources, false)).smallest(texts)
  writeFileSync(values.corpus, smallest.map((text) => `${text}\n`).join(''))
  report({ offered: texts.length, kept: smallest.length })
} else if (values.seconds === undefined) await atRandom(target, Number(values.count))
else await guided(target, Number(values.seconds), texts)
