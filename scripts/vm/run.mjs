// npm run test:vm: the tests that need cgroup v2 with systemd, in a virtual machine with Debian that is thrown away.
//
//   npm run test:vm                       those of runs.mjs
//   npm run test:vm -- user root events   these (runs.mjs)
//
// Ends with `vm: N passed, N failed, N skipped` and 0 when none failed, 1 when some did, 2 when none did before its time
// was over (`vm: unfinished: ...` says what is missing); with `vm: not run: REASON` and 0 where it cannot be run.
// NRUNC_VM_ACCEL=kvm uses the processor's help, NRUNC_VM_TIMEOUT are the seconds that the machine may run.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosenRuns } from './runs.mjs'
import { summarize } from './summary.mjs'

const project = fileURLToPath(new URL('../..', import.meta.url))
const script = (name) => join(project, 'scripts/vm', name)
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nrunc-vm')
const accelerator = process.env.NRUNC_VM_ACCEL || 'tcg'
const patience = Number(process.env.NRUNC_VM_TIMEOUT || 900)
const minute = 60_000
let work

/** Ends the program: this machine cannot do it, which is no failure. */
function giveUp(reason) {
  console.log(`vm: not run: ${reason}`)
  if (work !== undefined) rmSync(work, { recursive: true })
  process.exit(0)
}

/** What it says, when it fails. */
function attempt(program, words, options = {}) {
  const { status, error, stderr } = spawnSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', ...options })
  if (error) return error.message
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1) || `${program} ended with ${status}`
}

/** Programs by the package of Debian that has them. */
const tools = { 'qemu-system-x86_64': 'qemu-system-x86', mmdebstrap: 'mmdebstrap', mke2fs: 'e2fsprogs', debugfs: 'e2fsprogs' }

const isMissing = (program) => attempt('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; command -v ${program}`]) !== undefined

function requireTools() {
  if (process.platform !== 'linux' || process.arch !== 'x64') giveUp('only on x86-64')
  if (process.geteuid() !== 0) giveUp('making the image takes root')
  const packages = [...new Set(Object.keys(tools).filter(isMissing).map((program) => tools[program]))]
  if (packages.length === 0) return
  if (isMissing('apt-get')) giveUp(`needs ${packages.join(', ')}`)
  console.log(`vm: installing ${packages.join(' ')}`)
  const apt = ['-qq', '-o', 'Dpkg::Use-Pty=0', 'install', '-y', '--no-install-recommends', ...packages, 'seabios']
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 10 * minute }
  let problem = attempt('apt-get', apt, options)
  if (problem !== undefined) problem = attempt('apt-get', ['-qq', 'update'], options) ?? attempt('apt-get', apt, options)
  if (problem !== undefined) giveUp(`cannot install ${packages.join(', ')}: ${problem}`)
}

/** The image is made once, and again when the script that makes it has changed. */
function image() {
  const stamp = createHash('sha256').update(readFileSync(script('image'))).digest('hex').slice(0, 16)
  const directory = join(cache, stamp)
  if (existsSync(directory)) return directory
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  for (const old of readdirSync(cache)) rmSync(join(cache, old), { recursive: true })
  const fresh = mkdtempSync(join(cache, 'new-'))
  console.log('vm: making the image')
  const problem = attempt('bash', [script('image'), fresh], { timeout: 15 * minute })
  if (problem !== undefined) {
    rmSync(fresh, { recursive: true, force: true })
    giveUp(`cannot make the image: ${problem}`)
  }
  renameSync(fresh, directory)
  return directory
}

/** Helper programs of the tests, which the machine has no compiler for. */
function buildHelpers(directory) {
  mkdirSync(directory)
  const sources = readdirSync(join(project, 'test/helpers')).filter((name) => name.endsWith('.c'))
  for (const name of sources) {
    const words = ['-O1', '-static', '-o', join(directory, name.slice(0, -2)), join(project, 'test/helpers', name)]
    if (name === 'libseccomp.c') words.push('-lseccomp')
    const problem = attempt('musl-gcc', words) === undefined ? undefined : attempt('cc', words)
    if (problem !== undefined) console.log(`vm: cannot build ${name}, which some tests need: ${problem}`)
  }
}

const left = new Set(['.git', 'build/Release/obj.target', 'build/Release/.deps', 'bench', 'prebuilds'])

/** A disk with the tree, as it is. */
function makeDisk(work, runs) {
  const tree = join(work, 'tree')
  cpSync(project, tree, { recursive: true, verbatimSymlinks: true, filter: (from) => !left.has(relative(project, from)) })
  buildHelpers(join(tree, 'helpers'))
  const lines = Object.entries(runs).map(([name, files]) => [name, ...files.map((file) => `${file}.test.ts`)].join(' '))
  writeFileSync(join(tree, 'runs'), `${lines.join('\n')}\n`)
  const disk = join(work, 'tree.img')
  const problem = attempt('truncate', ['-s', '1500M', disk])
    ?? attempt('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-L', 'nrunc', '-d', tree, disk], { timeout: 5 * minute })
  if (problem !== undefined) throw new Error(`cannot make the disk: ${problem}`)
  rmSync(tree, { recursive: true })
  return disk
}

/**
 * Until it powers off; the kernel's and the tests' output goes to ours. Without cx16: QEMU 7 loses the
 * flags of cmpxchg16b, and the kernel panics.
 */
function boot(directory, disk) {
  const words = [
    '-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=512', '-cpu', `${accelerator === 'kvm' ? 'host' : 'max'},-cx16`,
    '-M', 'q35', '-m', '3072', '-smp', '2', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
    '-drive', `file=${join(directory, 'root.img')},format=raw,if=none,id=root,snapshot=on`, '-device', 'nvme,serial=root,drive=root',
    '-drive', `file=${disk},format=raw,if=none,id=tree,cache=unsafe`, '-device', 'nvme,serial=tree,drive=tree',
    '-kernel', join(directory, 'vmlinuz'),
    '-append', 'console=ttyS0 root=PARTUUID=6e726e63-01 rootwait rootfstype=ext4 rw quiet panic=-1 mitigations=off nokaslr apparmor=1 random.trust_cpu=on systemd.show_status=0',
  ]
  return new Promise((resolve) => {
    const machine = spawn('qemu-system-x86_64', words, { stdio: ['ignore', 'inherit', 'inherit'], timeout: patience * 1000, killSignal: 'SIGKILL' })
    machine.on('error', (error) => resolve(error.message))
    machine.on('exit', (_, signal) => resolve(signal === null ? undefined : `it took more than ${patience} s`))
  })
}

/** Content of a file of the disk, empty where there is none. */
function readDisk(disk, path) {
  return spawnSync('debugfs', ['-R', `cat ${path}`, disk], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout ?? ''
}

process.env.PATH += ':/usr/sbin:/sbin'
const runs = chosenRuns(process.argv.slice(2))
requireTools()
const directory = image()
work = mkdtempSync(join(tmpdir(), 'nrunc-vm-'))
try {
  const disk = makeDisk(work, runs)
  const problem = await boot(directory, disk)
  console.log() // it may have been stopped within a line
  if (readDisk(disk, '/reports/begun') === '') giveUp(`the machine does not come up${problem === undefined ? '' : `: ${problem}`}`)
  const reports = Object.fromEntries(Object.keys(runs).map((name) => [name, readDisk(disk, `/reports/${name}`)]))
  const { lines, code } = summarize(runs, reports, problem)
  console.log(lines.join('\n'))
  process.exitCode = code
} finally {
  rmSync(work, { recursive: true })
}
