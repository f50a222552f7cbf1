/**
 * What the benchmark needs of the host, and what it puts back: cgroup directories, state directories, versions, and the
 * hybrid host's second hierarchy that crun has to be spared.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOf, idOf } from './bundle.ts'
import { creators } from './memory.ts'
import { groupRoot, stateRoot, type Places } from './options.ts'
import { runtimeCommand } from './subjects.ts'

/** Mount points of all cgroup hierarchies, v1 and v2. Source: proc_pid_mountinfo(5). */
const hierarchies = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8').split('\n').flatMap((line) => {
    const [mount, source] = line.split(' - ')
    return source !== undefined && /^cgroup2? /.test(source) ? [mount?.split(' ')[4] ?? ''] : []
  })

const removeTries = 20
const removePause = 50

/** rmdir of a cgroup and everything below it; a container that is about to end is given a second. */
const removeGroup = (path: string): void => {
  if (!existsSync(path)) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(path, entry.name))
  }
  for (let tries = 1; ; tries++) {
    try {
      return rmdirSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      if (tries === removeTries) return void process.stderr.write(`bench: ${String(error)}\n`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, removePause)
    }
  }
}

/** Make the parent of all containers' cgroups in every v1 hierarchy, so that no subject pays for it. */
export const makeGroupRoot = (): void => {
  for (const mountpoint of hierarchies()) {
    if (existsSync(join(mountpoint, 'cgroup.controllers'))) continue
    const group = join(mountpoint, groupRoot)
    mkdirSync(group, { recursive: true })
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(join(group, file))) writeFileSync(join(group, file), readFileSync(join(mountpoint, file)))
    }
  }
}

/**
 * Make the state directories, in a tmpfs as /run is one, and in this process's private mount namespace.
 *
 * @throws Error when another run is under way: two of them would measure each other.
 */
export const claimHost = (): void => {
  const owner = join(stateRoot, 'pid')
  const pid = existsSync(owner) ? readFileSync(owner, 'utf8') : ''
  if (pid !== '' && existsSync(`/proc/${pid}`)) throw new Error(`another benchmark is running (pid ${pid})`)
  mkdirSync(stateRoot, { recursive: true })
  writeFileSync(owner, String(process.pid)) // for those who see what is below the tmpfs
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'nrunc-bench', stateRoot])
  for (const name of [...creators, 'floor']) mkdirSync(join(stateRoot, name))
}

/** COUNT mounts more, in the mount namespace of the benchmark, with which they end. */
export const addMounts = (work: string, count: number): void => {
  if (count === 0) return
  const directory = join(work, 'mounts')
  mkdirSync(directory)
  execFileSync('sh', ['-c', 'mount -t tmpfs mounts . && for i in $(seq $0); do mkdir $i && mount --bind $i $i; done', String(count)], { cwd: directory })
}

/** Remove every cgroup and state directory of this run; not the state where something is still mounted below it. */
export const releaseHost = (): void => {
  for (const mountpoint of hierarchies()) removeGroup(join(mountpoint, groupRoot))
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${stateRoot}/`)) return
  spawnSync('umount', [stateRoot])
  rmSync(stateRoot, { recursive: true, force: true })
}

/** Remove the containers that a failed start of a runtime may have left in its slots. */
export const removeLeftovers = (name: 'nrunc' | 'crun' | 'runc', places: Places, slots: number): void => {
  const [file, ...args] = runtimeCommand(name, places) as [string, ...string[]]
  for (let slot = 0; slot < slots; slot++) {
    if (existsSync(join(stateRoot, name, idOf(name, slot)))) {
      spawnSync(file, [...args, 'delete', '--force', idOf(name, slot)], { stdio: 'ignore' })
    }
  }
}

/**
 * crun refuses a hybrid host whose cgroup2 hierarchy owns a controller. Where it does, hide that hierarchy's list of
 * controllers behind an empty file, in this process's private mount namespace. Gives whether that was needed.
 */
export const spareCrun = (places: Places): boolean => {
  const [file, ...args] = runtimeCommand('crun', places) as [string, ...string[]]
  const { stderr } = spawnSync(file, [...args, 'run', '--bundle', bundleOf(places.work, 'crun', 0), idOf('crun', 0)], {
    stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8',
  })
  if (!/hybrid/.test(stderr ?? '')) return false
  const empty = join(places.work, 'empty')
  writeFileSync(empty, '')
  for (const mountpoint of hierarchies()) {
    const controllers = join(mountpoint, 'cgroup.controllers')
    if (existsSync(controllers)) execFileSync('mount', ['--bind', empty, controllers])
  }
  return true
}

const firstLine = (file: string, args: readonly string[]): string => {
  const { stdout } = spawnSync(file, [...args], { encoding: 'utf8' })
  return stdout?.split('\n')[0] ?? ''
}

/** The facts without which the figures mean nothing. */
export const describeHost = (places: Places): Readonly<Record<string, string>> => ({
  kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
  cpus: String(readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm)?.length ?? '?'),
  cpu: /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '?',
  load: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' '),
  node: process.version,
  nrunc: (JSON.parse(readFileSync(join(places.home, 'package.json'), 'utf8')) as { version: string }).version,
  crun: `${firstLine(places.crun, ['--version'])} (${places.crun})`,
  runc: `${firstLine(places.runc, ['--version'])} (${places.runc})`,
})
