// npm run lint:cc [-- FILE...]: clang-tidy (.clang-tidy) and cppcheck on the C++ code. One that is not installed is skipped,
// which is said.
import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)
const require = createRequire(import.meta.url)

const { variables } = JSON.parse(readFileSync('addon/sources.gypi', 'utf8'))
const code = (list) => list.filter((name) => name.endsWith('.cc'))
const all = [...new Set([...code(variables.init_sources), ...code(variables.launcher_sources), ...code(variables.addon_sources)])]
const sources = process.argv.length > 2 ? process.argv.slice(2) : all

/** System calls as calls of a function: what inline assembler fills is garbage to clang. */
const opaque = '-DNRUNC_FAKE_KERNEL'

/** What of cppcheck's is not wanted, and why. */
const suppressed = [
  'unusedStructMember', // the kernel reads and writes them
  'constParameter', // operations of init have one signature
  'noExplicitConstructor', // a literal is a Text
  'useStlAlgorithm', // a matter of taste
  'shadowFunction',
  'missingIncludeSystem',
  'constStatement:addon/init/seccomp.cc', // operands of assembler
  'constVariable:addon/init/descriptors.cc', // what is pointed to is changed
  'uninitvar:addon/sys/call.h', // the kernel fills it
  'uninitMemberVar:addon/plan/writer.h', // a buffer that is written before it is sent
  'comparePointers:addon/host/image.cc', // the two ends of one image, as the assembler names them
]

const tools = [
  {
    program: 'clang-tidy',
    words: (files) => [
      '-quiet', ...files, '--', '-std=c++20', '-fno-exceptions', '-Iaddon', opaque, ...variables.addon_defines.map((name) => `-D${name}`),
      ...[require('node-addon-api').include_dir, require('node-api-headers').include_dir].flatMap((name) => ['-isystem', name]),
    ],
  },
  {
    program: 'cppcheck',
    words: (files) => [
      '--quiet', '--error-exitcode=1', '--std=c++20', '--inline-suppr', '--enable=warning,performance,portability,style', '-Iaddon',
      ...suppressed.map((name) => `--suppress=${name}`), ...files,
    ],
  },
]

const run = (program, words) => new Promise((resolve) => {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece) => { output += piece })
  child.once('close', (status) => resolve({ status: status ?? 1, output }))
})

for (const { program, words } of tools) {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.log(`lint: ${program} skipped: it is not installed (Debian: ${program})`)
    continue
  }
  const left = [...sources]
  let failed = 0
  const worker = async () => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const { status, output } = await run(program, words([file]))
      if (status === 0) continue
      failed++
      console.log(output)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  console.log(`lint: ${program}: ${failed} of ${sources.length} files with warnings`)
  if (failed > 0) process.exitCode = 1
}
