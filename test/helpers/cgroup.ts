/**
 * The cgroups of test containers, read from the host's side and independently of the library: every container is in
 * /nrunc-test/ID of each hierarchy.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** NRUNC_TEST_CGROUP_MANAGER=systemd: the containers of all tests are in scopes. */
export const bySystemd = process.env['NRUNC_TEST_CGROUP_MANAGER'] === 'systemd'

export const groupRoot = bySystemd ? '/nrunctest.slice' : '/nrunc-test'

/** `linux.cgroupsPath` of a test container. */
export const cgroupsPathOf = (id: string): string => (bySystemd ? `nrunctest.slice:t:${id}` : join(groupRoot, id))

/** The cgroup that it then has, from the root of each hierarchy on. */
export const cgroupOf = (id: string): string => join(groupRoot, bySystemd ? `t-${id}.scope` : id)

export interface CgroupMount {
  readonly version: 1 | 2
  readonly path: string
  /** Controllers of a v1 hierarchy (`name=systemd` among them), or those that the root of cgroup2 has. */
  readonly controllers: readonly string[]
}

/** proc_pid_mountinfo(5): the fifth field is the mount point; after ` - ` come type, source and options. */
export function cgroupMounts(): CgroupMount[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').flatMap((line): CgroupMount[] => {
    const [before = '', after = ''] = line.split(' - ')
    const path = before.split(' ')[4] ?? ''
    const [type, , options = ''] = after.split(' ')
    if (type === 'cgroup2') {
      const controllers = readFileSync(`${path}/cgroup.controllers`, 'utf8').trim().split(' ')
      return [{ version: 2, path, controllers }]
    }
    return type === 'cgroup' ? [{ version: 1, path, controllers: options.split(',') }] : []
  }).filter(({ path }) => path.startsWith('/sys/fs/cgroup'))
}

/** The hierarchy that has a controller here, or undefined. */
export const hierarchyOf = (controller: string): CgroupMount | undefined =>
  cgroupMounts().find(({ controllers }) => controllers.includes(controller))

/** Why the kernel tells of no memory pressure as on v1; undefined where it does. */
export const lackingPressureLevels = ((): string | undefined => {
  const memory = hierarchyOf('memory')
  if (memory?.version !== 1) return 'no v1 memory'
  return existsSync(join(memory.path, 'memory.pressure_level')) ? undefined : 'no memory.pressure_level'
})()

/** Directory of a test container in the hierarchy of a controller. */
export function cgroupDirectory(id: string, controller: string): string {
  const hierarchy = hierarchyOf(controller)
  if (hierarchy === undefined) throw new Error(`no hierarchy has the controller ${controller}`)
  return join(hierarchy.path, cgroupOf(id))
}

/** Content of a file of a test container's cgroup, by its name on either version, without white space at the end. */
export function cgroupFile(
  id: string,
  controller: string,
  names: { readonly v1: string; readonly v2: string },
): string {
  const name = hierarchyOf(controller)?.version === 2 ? names.v2 : names.v1
  return readFileSync(join(cgroupDirectory(id, controller), name), 'utf8').trimEnd()
}

/** The cgroups of test containers whose ids begin with PREFIX, in every hierarchy. */
export function testCgroups(prefix: string): string[] {
  return cgroupMounts().flatMap(({ path }) => [groupRoot, '/nrunc'].flatMap((root) => {
    const parent = join(path, root)
    if (!existsSync(parent)) return []
    return readdirSync(parent).filter((name) => name.replace(/^t-/, '').startsWith(prefix) && statSync(join(parent, name)).isDirectory())
      .map((name) => join(parent, name))
  }))
}

/** The pids in a cgroup and those below it. */
export function processesIn(directory: string): number[] {
  if (!existsSync(directory)) return []
  const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
  return [...own, ...children.flatMap(({ name }) => processesIn(join(directory, name)))]
}

/** End what still runs in test cgroups whose names begin with PREFIX, and remove them. */
export function removeCgroups(prefix: string): void {
  for (const directory of testCgroups(prefix)) removeTree(directory)
}

/** Remove the cgroups that were the parents of those of test containers, unless another run has some in them. */
export function removeGroupRoot(): void {
  for (const { path } of cgroupMounts()) tolerate(() => rmdirSync(join(path, groupRoot)))
}

/** By find(1), because a path below may be longer than a system call takes. */
function removeTree(directory: string): void {
  const find = (...words: string[]) => spawnSync('find', [directory, ...words], { encoding: 'utf8' }).stdout
  for (let attempt = 0; attempt < 100 && !tolerate(() => rmdirSync(directory)) && existsSync(directory); attempt++) {
    const pids = find('-name', 'cgroup.procs', '-execdir', 'cat', '{}', ';').split('\n').filter(Boolean).map(Number)
    for (const pid of pids) tolerate(() => process.kill(pid, 'SIGKILL'))
    find('-depth', '-mindepth', '1', '-type', 'd', '-delete')
    if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
}

function tolerate(what: () => void): boolean {
  try {
    what()
    return true
  } catch {
    return false
  }
}
