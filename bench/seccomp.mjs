// What a filter of system calls adds to a start: `node bench/seccomp.mjs [STARTS]`, as root, after `npm run build`.
// Docker's profile, runs with and without it by turns, in process; medians in milliseconds.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Runtime, writeHostBundle } from '../dist/index.js'

const count = Number(process.argv[2] ?? 100)
const work = mkdtempSync(join(tmpdir(), 'nrunc-seccomp-'))
const runtime = new Runtime({ root: join(work, 'state') })
const spec = await writeHostBundle(join(work, 'bundle'), { args: ['true'] })
const seccomp = JSON.parse(readFileSync(new URL('../test/fixtures/seccomp-default.json', import.meta.url), 'utf8'))
const withFilter = { ...spec, linux: { ...spec.linux, seccomp } }

async function start(one) {
  const begin = performance.now()
  const container = await runtime.run({ bundle: join(work, 'bundle'), spec: one, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  const { code } = await container.wait()
  const time = performance.now() - begin
  if (code !== 0) throw new Error(`exit code ${code}`)
  await container.delete()
  return time
}

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1].toFixed(2)
try {
  for (let i = 0; i < 10; i++) await start(spec) // first calls are slow: compiled code, memory file of init
  console.log(`first start with the filter, compiled: ${(await start(withFilter)).toFixed(2)}`)
  const [plain, filtered] = [[], []]
  for (let i = 0; i < count; i++) {
    plain.push(await start(spec))
    filtered.push(await start(withFilter))
  }
  console.log(`without: ${median(plain)}, with: ${median(filtered)} (medians of ${count})`)
} finally {
  rmSync(work, { recursive: true })
}
