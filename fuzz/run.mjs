// Launcher of the fuzzers; README.md says what they do.
//
//   npm run fuzz -- TARGET [--count N] [--seed N]                     documents at random, 20000
//   npm run fuzz -- TARGET --seconds N [--seed N] [--found FILE]      guided by coverage
//   npm run fuzz -- TARGET --merge --found FILE                       what FILE adds to the corpus
//   npm run fuzz -- init|host [SECONDS] [DIRECTORY]                   libFuzzer; what it finds stays in DIRECTORY
//   npm run fuzz -- init|host --replay                                the corpus, once
//   npm run fuzz -- init|host --merge DIRECTORY                       what DIRECTORY adds to the corpus
//
// TARGET is one of targets.ts. init and host need clang with compiler-rt (Debian: clang).
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
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
    absWorkingDir: project,
  })
  return run(process.execPath, [outfile, ...words])
}

const sanitizers = '-fsanitize=fuzzer,address,undefined'

// One that has libFuzzer and the sanitizers too.
const clang = () => {
  const input = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long) { return 0; }'
  const words = ['-x', 'c++', sanitizers, '-o', join(work, 'probe'), '-']
  return ['clang++', 'clang++-19', 'clang++-16', 'clang++-14'].find((name) => spawnSync(name, words, { input }).status === 0)
}

// Both are whole but for what the fuzzer stands for: host's is of what executes a plan and watches what comes of it.
const sourcesOf = {
  init: (sources) => sources.init_sources.filter((name) => !name.endsWith('/memory.cc')),
  host: (sources) => sources.addon_sources.filter((name) => /\/host\/(spawn|init-clone|clone|channel|staged|cgroup|notify|trapped|idmap|netdevice|netlink|tree|resctrl|identity|reactor)\.cc$/.test(name)),
}
// The time is that of the clock: on a machine that stood still for ten seconds each input was one that hangs.
const limits = ['-timeout=60', '-rss_limit_mb=2048']

const directoryCalls = ['opendir', 'readdir', 'closedir'].map((name) => `-D${name}=fuzz_${name}`)

const buildNative = (compiler, target, program) => {
  // The file is gyp's: JSON with comments and trailing commas.
  const text = readFileSync(join(project, 'addon/sources.gypi'), 'utf8').replace(/^\s*#.*$/gm, '').replace(/,(\s*[\]}])/g, '$1')
  const sources = sourcesOf[target](JSON.parse(text).variables)
  return run(compiler, [
    '-std=c++20', '-g', '-O1', sanitizers, '-fno-sanitize-recover=undefined', '-DNRUNC_FAKE_KERNEL', '-fno-exceptions', '-fno-rtti',
    ...target === 'host' ? directoryCalls : [], `-I${project}`, `-I${join(project, 'addon')}`, '-o', program, join(here, `${target}.cc`),
    ...sources.map((name) => join(project, name)),
  ])
}

// The corpus: a line of base64 for each input. They are alike: in one file they take a tenth of the space.
const packed = (target) => join(here, `corpus/${target}.gz`)

const unpack = (target, directory) => {
  mkdirSync(directory)
  const lines = gunzipSync(readFileSync(packed(target))).toString().split('\n').filter((line) => line !== '')
  for (const [index, line] of lines.entries()) writeFileSync(join(directory, String(index)), Buffer.from(line, 'base64'))
}

const pack = (target, directory) => {
  const inputs = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
  const lines = inputs.sort((a, b) => a.length - b.length || a.compare(b)).map((input) => `${input.toString('base64')}\n`)
  writeFileSync(packed(target), gzipSync(lines.join(''), { level: 9 }))
}

const native = async (target, [mode = '60', directory = join(work, 'found')]) => {
  const compiler = clang()
  if (compiler === undefined) {
    process.stderr.write('fuzz: no clang++ with libFuzzer (Debian: clang)\n')
    return 1
  }
  const [program, seeds, corpus, smallest] = ['program', 'seeds', 'corpus', 'smallest'].map((name) => join(work, name))
  if (buildNative(compiler, target, program) !== 0) return 1
  unpack(target, corpus)
  if (mode === '--replay') return run(program, [corpus, '-runs=0', ...limits])
  mkdirSync(seeds)
  if (await typescript('seeds', [target, seeds]) !== 0) return 1
  if (mode === '--merge') {
    mkdirSync(smallest)
    const status = run(program, ['-set_cover_merge=1', smallest, seeds, corpus, directory])
    if (status === 0) pack(target, smallest)
    return status
  }
  mkdirSync(directory, { recursive: true })
  return run(program, [directory, seeds, corpus, `-max_total_time=${mode}`, '-max_len=16384', ...limits,
    '-print_final_stats=1', '-verbosity=1', '-use_value_profile=1', `-artifact_prefix=${join(project, 'fuzz-')}`])
}

const [target = 'config', ...words] = process.argv.slice(2)
process.exitCode = target in sourcesOf ? await native(target, words)
  : await typescript('typescript', [target, ...words, '--corpus', join(here, `corpus/${target}.jsonl`)])
