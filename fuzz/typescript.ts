/**
 * `npm run fuzz -- config|words|state [--count N] [--seed N]`: so many runs, each from a seed of its own, which is printed
 * with what goes wrong.
 */
import { parseArgs } from 'node:util'
import { random } from '../test/unit/plan/random.ts'
import { targets } from './targets.ts'

/** Milliseconds of one run beyond which it counts as a hang. */
const LIMIT = 5000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
})
const [name = 'config'] = positionals
const target = targets[name]
if (target === undefined) throw new Error(`no such target: ${name}`)
process.removeAllListeners('warning').on('warning', () => {})

const outcomes: Record<string, number> = {}
const before = process.memoryUsage.rss()
let longest = 0
for (let index = 0; index < Number(values.count); index++) {
  const seed = Number(values.seed) + index
  const start = performance.now()
  try {
    const outcome = target(random(seed))
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  } catch (error) {
    process.stderr.write(`fuzz: ${name} --seed ${seed} --count 1: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = 1
    break
  }
  const time = performance.now() - start
  if (time > longest) longest = time
  if (time > LIMIT) {
    process.stderr.write(`fuzz: ${name} --seed ${seed} --count 1: took ${Math.round(time)} ms\n`)
    process.exitCode = 1
    break
  }
  if (index % 1000 === 999) await new Promise((resolve) => setImmediate(resolve)) // warnings are told on a later tick
}
const grown = Math.round((process.memoryUsage.rss() - before) / 2 ** 20)
process.stdout.write(`${JSON.stringify({ target: name, seed: Number(values.seed), count: Number(values.count), outcomes, longest: Math.round(longest), grownMiB: grown })}\n`)
