/** The spec that `nrunc spec` writes. Source: the output of `runc spec` 1.5, field for field. */
import type { Mount, Spec } from './schema.ts'

/** What {@link defaultSpec} takes. */
export interface DefaultSpecOptions {
  /** Give the container a cgroup namespace, which runc does on a host with nothing but cgroup v2. Default false. */
  readonly cgroupNamespace?: boolean | undefined
}

const capabilities = () => ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']

const mounts = (): Mount[] => [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev', type: 'tmpfs', source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts', type: 'devpts', source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm', type: 'tmpfs', source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
]

/**
 * A spec for a shell in the root file system `rootfs` of the bundle: a fresh object with every call.
 *
 * @example
 * await writeFile('config.json', stringifyJson(defaultSpec(), '\t'))
 */
export function defaultSpec(options: DefaultSpecOptions = {}): Spec {
  return {
    ociVersion: '1.3.0',
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: capabilities(), effective: capabilities(), permitted: capabilities() },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'runc',
    mounts: mounts(),
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' },
        ...(options.cgroupNamespace === true ? [{ type: 'cgroup' as const }] : []),
      ],
      maskedPaths: [
        '/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list',
        '/proc/timer_stats', '/proc/sched_debug', '/sys/firmware', '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/**
 * The spec changed so that an ordinary user can start it, as `runc spec --rootless` does: a user namespace in which
 * that user is root, the host's network, the host's /sys, no ids that are not mapped and no limits.
 *
 * @param uid - Effective user id of who will start the container.
 * @param gid - Effective group id.
 */
export function rootlessSpec(spec: Spec, uid: number, gid: number): Spec {
  const { resources: _resources, uidMappings: _uids, gidMappings: _gids, ...linux } = spec.linux ?? {}
  const kept = (linux.namespaces ?? []).filter(({ type }) => type !== 'network' && type !== 'user')
  return {
    ...spec,
    mounts: (spec.mounts ?? []).map(rootlessMount),
    linux: {
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      ...linux,
      namespaces: [...kept, { type: 'user' }],
    },
  }
}

/** sysfs cannot be mounted without a network namespace of one's own, and unmapped ids are refused. */
function rootlessMount(mount: Mount): Mount {
  if (/^\/+sys\/*$/.test(mount.destination)) {
    return { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] }
  }
  if (mount.options === undefined) return mount
  return { ...mount, options: mount.options.filter((option) => !/^[ug]id=/.test(option)) }
}
