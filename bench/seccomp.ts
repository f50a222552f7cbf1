/**
 * What a filter of system calls adds to a start: Docker's profile, starts with and without it by turns, in process.
 *
 * Started by run.mjs as `npm run bench -- seccomp [options]`, in a private mount namespace.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type * as NruncModule from '../lib/index.ts'
import { bundleOf, makeBundles, makeRootfs } from './bundle.ts'
import { claimHost, makeGroupRoot, releaseHost } from './host.ts'
import { stateRoot } from './options.ts'
import { align } from './report.ts'
import { summarize } from './statistics.ts'

const usage = `usage: npm run bench -- seccomp [options]

  --rounds N    starts of each kind (default 100)
  --warmup N    starts before them that do not count (default 10)
  --json        print every sample, as JSON
`

/** Milliseconds from the call to the end of `/bin/true`; the removal is not in it. */
const time = async (runtime: NruncModule.Runtime, bundle: string, spec: NruncModule.Spec): Promise<number> => {
  const before = process.hrtime.bigint()
  const container = await runtime.run({ bundle, spec, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  const { code } = await container.wait()
  const after = process.hrtime.bigint()
  await container.delete()
  if (code !== 0) throw new Error(`/bin/true ended with ${code}`)
  return Number(after - before) / 1e6
}

const measure = async (home: string, work: string, rounds: number, warmup: number): Promise<Record<string, number[]>> => {
  const { Runtime } = await import(pathToFileURL(join(home, 'dist/index.js')).href) as typeof NruncModule
  const bundle = bundleOf(work, 'library', 0)
  const runtime = new Runtime({ root: join(stateRoot, 'library') })
  const plain = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as NruncModule.Spec
  const profile = readFileSync(join(home, 'test/fixtures/seccomp-default.json'), 'utf8')
  const seccomp = JSON.parse(profile) as NonNullable<NruncModule.Spec['linux']>['seccomp']
  const filtered: NruncModule.Spec = { ...plain, linux: { ...plain.linux, seccomp } }
  const samples: Record<string, number[]> = { 'without a filter': [], 'with the filter': [], 'its first start, compiled': [] }
  for (let round = -warmup; round < 0; round++) await time(runtime, bundle, plain)
  samples['its first start, compiled']!.push(await time(runtime, bundle, filtered))
  for (let round = 0; round < rounds; round++) {
    samples['without a filter']!.push(await time(runtime, bundle, plain))
    samples['with the filter']!.push(await time(runtime, bundle, filtered))
  }
  return samples
}

const [home, work, busybox, , , ...words] = process.argv.slice(2) as [string, string, string, ...string[]]
const { values } = parseArgs({
  args: words,
  options: {
    rounds: { type: 'string', default: '100' }, warmup: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else {
  claimHost()
  try {
    makeGroupRoot()
    makeRootfs(work, busybox)
    makeBundles(work, 'library', 1)
    const samples = await measure(home, work, Number(values.rounds), Number(values.warmup))
    const row = ([name, times]: [string, number[]]): string[] => {
      const { n, median, p95 } = summarize(times)
      return [name, String(n), median.toFixed(2), p95.toFixed(2)]
    }
    process.stdout.write(values.json
      ? `${JSON.stringify(samples)}\n`
      : align([['ms', 'n', 'median', 'p95'], ...Object.entries(samples).map(row)]))
  } finally {
    releaseHost()
  }
}
