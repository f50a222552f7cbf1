/**
 * Before all tests that run containers: the shared directory with the root file system and the helper programs, and
 * what this machine has and has not. Afterwards: the directory and the cgroups are gone.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, copyFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { cgroupMounts, removeCgroups, removeGroupRoot } from './cgroup.ts'
import type { Bench, Need } from './needs.ts'
import { refuseMounts, someone } from './host.ts'
import { makeRootfs } from './rootfs.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const project = join(here, '../..')

export default function setup({ provide }: TestProject): () => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nrunc-test-'))
  chmodSync(directory, 0o755)
  const bench: Bench = {
    run: `t${randomBytes(3).toString('hex')}`,
    directory,
    rootfs: join(directory, 'rootfs'),
    probe: join(directory, 'probe'),
    terminal: join(directory, 'terminal'),
    libseccomp: join(directory, 'libseccomp'),
    sockets: join(directory, 'sockets'),
    shim: join(directory, 'shim'),
    criu: join(directory, 'criu'),
    fuse: join(directory, 'fuse'),
    missing: {},
  }
  const missing: Partial<Record<Need, string>> = bench.missing
  const require = (need: Need, reason: string | undefined): void => {
    if (reason !== undefined) missing[need] = reason
  }

  require('root', process.geteuid?.() === 0 ? undefined : 'not root')
  const binaries = ['build/Release', `prebuilds/${process.platform}-${process.arch}`].map((name) => join(project, name))
  require('addon', binaries.some((path) => existsSync(path)) ? undefined : 'the addon is not built: npm run build')
  require('cli', existsSync(join(project, 'dist/cli.cjs')) ? undefined : 'the command line is not built: npm run build')
  require('cgroup', cgroupMounts().length > 0 ? undefined : 'no cgroup hierarchy is mounted')
  require('compiler', build('probe', bench, ['-static']) ?? build('sockets', bench, ['-static']) ?? build('terminal', bench, ['-static']) ?? build('shim', bench, ['-static'])
    ?? build('criu', bench, ['-static']))
  require('fuse', existsSync('/dev/fuse') ? build('fuse', bench, ['-static']) : 'no /dev/fuse')
  if (build('libseccomp', bench, [], '-lseccomp') !== undefined) {
    missing.libseccomp = 'no libseccomp to compare with (Debian: libseccomp-dev)'
  }
  if (missing.root === undefined) {
    require('busybox', makeSharedRootfs(bench))
    require('mountNamespaces', attempt('unshare', ['-m', '--propagation', 'private', 'true']))
    require('networkDevices', attempt('unshare', ['-n', 'ip', 'link', 'add', 'type', 'veth']))
    require('rootless', attempt('setpriv', [...someone.words, 'unshare', '--user', '--map-root-user', 'true'])
      ?? attempt('setpriv', [...someone.words, process.execPath, '-e', '0']))
  }
  require('ordinaryUser', missing.root === undefined ? 'root runs the tests' : undefined)
  if (missing.root !== undefined) require('busybox', makeSharedRootfs(bench))
  require('delegation', delegation())
  require('systemd', attempt('systemctl', ['show', '--property=Version'])
    ?? (existsSync('/sys/fs/cgroup/cgroup.controllers') ? undefined : 'systemd without cgroup v2'))
  require('faults', attempt('strace', ['-f', '-qq', '-b', 'execve', '-o', '/dev/null', '-e', 'inject=getppid:error=EPERM', 'true'])
    && 'no strace that can inject faults (Debian: strace)')
  require('userNamespaces', attempt('unshare', ['--user', '--map-root-user', 'true']))
  require('timeNamespaces', existsSync('/proc/self/timens_offsets') ? undefined : 'a kernel without time namespaces')
  require('criu', missing.root ?? attempt('criu', ['check']))
  require('memoryTracking', missing.criu
    ?? (attempt('criu', ['check', '--feature', 'mem_dirty_track']) && 'a kernel without soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)'))
  require('apparmor', existsSync('/sys/kernel/security/apparmor/profiles') ? attempt('apparmor_parser', ['--version']) : 'AppArmor is not enabled')
  require('selinux', attempt('grep', ['-q', '_t', '/proc/self/attr/current']) && 'SELinux has no policy')
  const helpers = attempt('sh', [
    '-c',
    'command -v newuidmap && command -v newgidmap && [ -e /etc/subuid ] && [ -e /etc/subgid ]',
  ])
  require('subordinateIds', helpers && 'no newuidmap and newgidmap (Debian: uidmap)')

  for (const [need, reason] of Object.entries(missing)) console.warn(`nrunc tests: no ${need}: ${reason}`)
  provide('bench', bench)
  return async () => {
    removeCgroups(bench.run)
    removeGroupRoot()
    refuseMounts(directory)
    // Thousands of files: vitest waits meanwhile for the last worker's end.
    await rm(directory, { recursive: true })
  }
}

/** Whether cgroups may be made beside the own one. */
function delegation(): string | undefined {
  const path = /^0::(\/.+)\/[^/]+$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  try {
    accessSync(join('/sys/fs/cgroup', path ?? '/nonexistent', 'cgroup.subtree_control'), constants.W_OK)
    return undefined
  } catch {
    return 'no cgroup2 is delegated to this process'
  }
}

function makeSharedRootfs({ rootfs, probe, sockets }: Bench): string | undefined {
  const failure = makeRootfs(rootfs)
  for (const program of failure === undefined ? [probe, sockets] : []) {
    if (existsSync(program)) copyFileSync(program, join(rootfs, 'bin', basename(program)))
  }
  return failure
}

/**
 * musl makes the smaller static program; glibc's needs its static library, which not every distribution installs. On a
 * machine without a compiler the environment variable NRUNC_TEST_HELPERS names a directory that has the programs.
 */
function build(
  name: 'probe' | 'sockets' | 'terminal' | 'shim' | 'criu' | 'fuse' | 'libseccomp', bench: Bench, flags: readonly string[], ...libraries: string[]
): string | undefined {
  const ready = join(process.env['NRUNC_TEST_HELPERS'] ?? '/nonexistent', name)
  if (existsSync(ready)) {
    copyFileSync(ready, bench[name])
    return undefined
  }
  let failure = 'no C compiler'
  for (const compiler of ['musl-gcc', 'cc', 'gcc']) {
    const words = ['-O1', '-Wall', ...flags, '-o', bench[name], join(here, `${name}.c`), ...libraries]
    const { error, status, stderr } = spawnSync(compiler, words, { encoding: 'utf8' })
    if (status === 0) return undefined
    if (error === undefined) failure = `${compiler} cannot build ${name}.c: ${stderr.split('\n')[0]}`
  }
  return failure
}

function attempt(program: string, words: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program, words, { encoding: 'utf8', timeout: 60_000 })
  if (error !== undefined) return `${program}: ${error.message}`
  return status === 0 ? undefined : `${[program, ...words].join(' ')}: ${stderr.trim() || `exit code ${status}`}`
}

