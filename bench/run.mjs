// Launcher of the benchmarks: `npm run bench -- [options]`, options in options.ts, or `npm run bench -- NAME [options]` for
// blocking, cli, seccomp and soak, options in NAME.ts. Needs root, a C compiler, busybox-static, unshare(1); crun and runc
// where they are to be measured.
//
// Bundles start.ts (NAME.ts) into a scratch directory (Node 20 does not run TypeScript), compiles floor.c, and runs the
// bundle in a private mount namespace, which ends with it. The built library is not bundled but imported from dist/.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))

const fail = (message) => {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(1)
}

const inPath = (name) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path))

const newestCrun = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nrunc-bench/crun/crun')

const [entry, words] = ['blocking', 'cli', 'seccomp', 'soak'].includes(process.argv[2])
  ? [`${process.argv[2]}.ts`, process.argv.slice(3)] : ['start.ts', process.argv.slice(2)]

const prepare = async (work) => {
  await build({
    entryPoints: [join(here, entry)], outfile: join(work, 'start.mjs'),
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error',
  })
  execFileSync('cc', ['-O2', '-o', join(work, 'floor'), join(here, 'floor.c')], { stdio: 'inherit' })
}

// Node pays about 80 ms a start for extra certificates; no subject of this benchmark needs them.
const environment = () => {
  const { NODE_EXTRA_CA_CERTS, NODE_OPTIONS, ...rest } = process.env
  return rest
}

const remove = (work) => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  if (mounts.includes(`${work}/`)) fail(`something is mounted below ${work}: left alone`)
  rmSync(work, { recursive: true, force: true })
}

if (process.getuid?.() !== 0) fail('needs root: crun and runc are measured as root')
const busybox = inPath('busybox') ?? fail('busybox is missing: apt-get install busybox-static')
if (inPath('cc') === undefined) fail('a C compiler is missing: apt-get install gcc libc6-dev')
if (!existsSync(newestCrun)) {
  process.stderr.write('bench: `sh bench/newest-crun.sh` fetches the newest crun of Debian\n')
}

const work = mkdtempSync(join(tmpdir(), 'nrunc-bench-'))
try {
  await prepare(work)
} catch (error) {
  remove(work)
  fail(error.message)
}
const crun = existsSync(newestCrun) ? newestCrun : (inPath('crun') ?? 'crun')
const runc = inPath('runc') ?? 'runc'
const program = [process.execPath, '--expose-gc', join(work, 'start.mjs'), resolve(here, '..'), work, busybox, crun, runc]
const child = spawn(
  'unshare', ['-m', '--propagation', 'private', ...program, ...words],
  { stdio: 'inherit', env: environment() },
)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.once('exit', (code, signal) => {
  remove(work)
  process.exitCode = signal === null ? code : 1
})
