/**
 * npm run test:sanitize -- address|thread [FILE...]: the integration tests with the addon under AddressSanitizer and
 * UndefinedBehaviorSanitizer, or under ThreadSanitizer. Init stops (SIGILL) at undefined behaviour in both.
 *
 * The package is copied to build-sanitize/KIND, where the addon is built by cmake. Node is not instrumented, but a copy of
 * it, in KIND/node-of-tests, needs the sanitizer's library (not LD_PRELOAD: every program of the tests would get it, and some hang).
 * Of its reports those count in which the addon occurs. Each process writes its own into build-sanitize/KIND/reports; the
 * run fails when there is one, or when a test does.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reportsIn } from './sanitizer-reports.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Starts of every kind, streams, ends, hooks, threads and environments that end; plans and calls that are wrong. */
const tests = [
  'bad-calls', 'channel', 'checkpoint', 'concurrency', 'console-socket', 'deadline', 'embedded', 'exec', 'execute', 'exit-and-events',
  'files', 'hook-functions', 'hooks', 'idmap', 'lifecycle', 'mounts', 'namespaces', 'net-devices', 'pause', 'plan-garbled', 'plan-limits',
  'pool', 'resources', 'seccomp-notify', 'side-by-side', 'streams', 'template', 'terminal', 'user-namespace',
]

const common = 'print_stacktrace=1:exitcode=66'
const kinds = {
  address: {
    flags: 'address,undefined', library: 'libasan.so',
    // Leaks: V8 frees nothing at the end of the process. What the addon leaks is seen by soak.test.ts.
    // Undefined behaviour is told on standard error, and ends the process.
    environment: (log) => ({ ASAN_OPTIONS: `${common}:detect_leaks=0:log_path=${log}`, UBSAN_OPTIONS: common }),
  },
  thread: {
    flags: 'thread', library: 'libtsan.so',
    // Node is not instrumented: what it does with its atomics between two accesses is not known.
    environment: (log) => ({ TSAN_OPTIONS: `ignore_noninstrumented_modules=1:exitcode=0:history_size=7:log_path=${log}` }),
  },
}

const fail = (message) => {
  console.error(`sanitize: ${message}`)
  process.exit(1)
}

const run = (program, words, options) => {
  const { status, error } = spawnSync(program, words, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  if (error !== undefined) fail(`${program}: ${error.message}`)
  return status ?? 1
}

/** Where the compiler has LIBRARY; it names one that it does not have as it was asked. */
const libraryOf = (library) => {
  const { stdout } = spawnSync(process.env.CXX ?? 'g++', [`-print-file-name=${library}`], { encoding: 'utf8' })
  const path = stdout?.trim() ?? ''
  if (!existsSync(path)) fail(`the compiler has no ${library} (Debian: it comes with g++)`)
  return realpathSync(path)
}

/** This Node in DIRECTORY, with LIBRARY loaded before all others. @returns its path */
const copyNode = (directory, library) => {
  mkdirSync(directory)
  const node = join(directory, 'node')
  copyFileSync(realpathSync(process.execPath), node)
  if (run('patchelf', ['--add-needed', library, node]) !== 0) fail('patchelf cannot change a copy of Node')
  return node
}

const copyPackage = (to) => {
  const kept = ['build', 'node_modules']
  if (existsSync(to)) for (const name of readdirSync(to)) if (!kept.includes(name)) rmSync(join(to, name), { recursive: true })
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(root)) {
    if (name.startsWith('.') || name.startsWith('build') || kept.includes(name)) continue
    cpSync(join(root, name), join(to, name), { recursive: true })
  }
  if (!existsSync(join(to, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'))
}

const [name = '', ...words] = process.argv.slice(2)
const kind = kinds[name]
if (kind === undefined) fail('npm run test:sanitize -- address|thread [FILE...]')
if (!existsSync(join(root, 'dist/cli.cjs'))) fail('the command line is not built: npm run build')
const library = libraryOf(kind.library)
const copy = join(root, 'build-sanitize', name)
const build = join(copy, 'build/Release')
copyPackage(copy)
const made = run('cmake', ['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release', `-DNRUNC_SANITIZE=${kind.flags}`])
  || run('cmake', ['--build', build, '--parallel', '2'])
if (made !== 0) fail('the addon was not built')

const reports = join(copy, 'reports')
mkdirSync(reports)
const node = copyNode(join(copy, 'node-of-tests'), library)
const options = {
  cwd: copy,
  env: { ...process.env, ...kind.environment(join(reports, 'report')), PATH: `${dirname(node)}:${process.env.PATH}` },
}
// ThreadSanitizer wants the addresses where it expects them: personality(2), ADDR_NO_RANDOMIZE.
const runNode = (...args) => run('setarch', ['-R', node, ...args], options)
runNode('--input-type=module', '-e', "import { installLauncher } from './scripts/launcher.mjs'; installLauncher()")
const files = words.length > 0 ? words : tests.map((file) => `test/integration/${file}.test.ts`)
const status = runNode(join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'integration', ...files)
const found = reportsIn(reports)
for (const { file, text } of found) console.error(`\n${basename(file)}:\n${text}`)
console.error(`sanitize: ${name}: ${found.length} reports; the tests ${status === 0 ? 'passed' : `ended with ${status}`}`)
process.exit(found.length > 0 ? 1 : status)
