/**
 * The command line on a host that has cgroup v2 alone: in a mount namespace of its own, where a cgroup2 covers the v1
 * hierarchies. What it has are the controllers that no v1 hierarchy took, and all that cgroup2 has without controllers:
 * freezing, killing, CPU statistics, pressure, delegation, device programs.
 */
import { existsSync, readFileSync } from 'node:fs'
import { cgroupMounts } from './cgroup.ts'

/** Whether the machine is such a host itself. */
export const isUnified = cgroupMounts().length > 0 && cgroupMounts().every(({ version }) => version === 2)

const mountpoint = cgroupMounts().find(({ version }) => version === 2)?.path

/** Words before `node` that make it so; none where it is so anyway. */
export const throughCgroup2: readonly string[] = isUnified ? []
  : ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', 'sh']

/** Why there can be no such host here; undefined where there can. */
export const lackingCgroup2: string | undefined = mountpoint === undefined ? 'no cgroup2 is mounted' : undefined

/** Its controllers. */
export const controllers2: readonly string[] = mountpoint === undefined ? []
  : readFileSync(`${mountpoint}/cgroup.controllers`, 'utf8').trim().split(' ')

/** Whether the kernel counts pressure (PSI) for cgroups. */
export const hasPressure = mountpoint !== undefined && existsSync(`${mountpoint}/memory.pressure`)

/** Directory of a cgroup2 path as this process sees it. */
export const unifiedDirectory = (path: string): string => `${mountpoint}${path}`
