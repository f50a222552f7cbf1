// `npm run fuzz -- config|words|state [--count N] [--seed N]`, or `npm run fuzz -- init [SECONDS]`: libFuzzer on init, for
// which it needs clang with compiler-rt (Debian: clang).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const project = join(here, '..')
const work = mkdtempSync(join(tmpdir(), 'nrunc-fuzz-'))
process.once('exit', () => rmSync(work, { recursive: true }))

const run = (program, words, options = {}) => {
  const { status, error } = spawnSync(program, words, { stdio: 'inherit', ...options })
  if (error !== undefined) throw error
  return status ?? 1
}

const typescript = async (name, words) => {
  const outfile = join(work, `${name}.mjs`)
  await build({
    entryPoints: [join(here, `${name}.ts`)], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error',
  })
  return run(process.execPath, [outfile, ...words])
}

const clang = () => ['clang++', 'clang++-19', 'clang++-16', 'clang++-14'].find((name) => spawnSync(name, ['--version']).status === 0)

const init = async (seconds) => {
  const compiler = clang()
  if (compiler === undefined) {
    process.stderr.write('fuzz: no clang++ (Debian: clang)\n')
    return 1
  }
  // The file is gyp's: JSON with comments and trailing commas.
  const { variables } = JSON.parse(readFileSync(join(project, 'addon/sources.gypi'), 'utf8').replace(/^\s*#.*$/gm, '').replace(/,(\s*[\]}])/g, '$1'))
  const sources = variables.init_sources.filter((name) => !name.endsWith('/memory.cc')).map((name) => join(project, name))
  const words = ['-std=c++20', '-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined', '-DNRUNC_FAKE_KERNEL',
    '-fno-exceptions', '-fno-rtti', `-I${join(project, 'addon')}`, '-o', join(work, 'init'), join(here, 'init.cc'), ...sources]
  if (run(compiler, words) !== 0) return 1
  const seeds = join(work, 'seeds')
  const corpus = join(here, 'corpus/init')
  mkdirSync(seeds)
  mkdirSync(join(work, 'found'))
  if (await typescript('seeds', [seeds]) !== 0) return 1
  return run(join(work, 'init'), [join(work, 'found'), seeds, ...(existsSync(corpus) ? [corpus] : []),
    `-max_total_time=${seconds}`, '-max_len=16384', '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1', '-verbosity=1', `-artifact_prefix=${join(project, 'fuzz-')}`])
}

const [target = 'config', ...words] = process.argv.slice(2)
process.exitCode = target === 'init' ? await init(Number(words[0] ?? 60)) : await typescript('typescript', [target, ...words])
