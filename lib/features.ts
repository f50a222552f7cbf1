/**
 * What this runtime can do, wherever it runs. Source: runtime-spec features.md, features-linux.md.
 */
import { release } from 'node:os'
import { namespaceFiles } from './plan/namespaces.ts'
import { mountOptionNames } from './plan/mount-flags.ts'
import { fieldsOf } from './spec/fields.ts'
import { hooksSchema } from './spec/hooks.ts'
import { capabilityNames } from './spec/names.ts'
import { specSchema } from './spec/schema.ts'
import { partsOf } from './spec/shape.ts'
import { commit, packageVersion, specVersion } from './version.ts'

interface Enabled {
  readonly enabled: boolean
}

/** The features document. features.md. */
export interface Features {
  readonly ociVersionMin: string
  readonly ociVersionMax: string
  readonly hooks: readonly string[]
  readonly mountOptions: readonly string[]
  readonly linux: {
    readonly namespaces: readonly string[]
    readonly capabilities: readonly string[]
    readonly cgroup: {
      readonly v1: boolean
      readonly v2: boolean
      readonly systemd: boolean
      readonly systemdUser: boolean
      readonly rdma: boolean
    }
    readonly seccomp: Enabled & {
      readonly actions?: readonly string[]
      readonly operators?: readonly string[]
      readonly archs?: readonly string[]
      readonly knownFlags?: readonly string[]
      readonly supportedFlags?: readonly string[]
    }
    readonly apparmor: Enabled
    readonly selinux: Enabled
    readonly intelRdt: Enabled & { readonly schemata: boolean; readonly monitoring: boolean }
    readonly memoryPolicy?: { readonly modes: readonly string[]; readonly flags: readonly string[] }
    readonly mountExtensions: { readonly idmap: Enabled }
    readonly netDevices: Enabled
  }
  readonly annotations: Readonly<Record<string, string>>
  readonly potentiallyUnsafeConfigAnnotations: readonly string[]
}

/**
 * What config.json may ask for. Nothing of it is looked up on this host.
 *
 * @example
 * if (!features().linux.seccomp.enabled) throw new Error('this nrunc is too old')
 */
export function features(): Features {
  const values = valuesByField()
  const list = (field: string): readonly string[] => values.get(field) ?? []
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: specVersion,
    hooks: hookNames(),
    mountOptions: [...mountOptionNames].sort(),
    linux: {
      namespaces: Object.keys(namespaceFiles).sort(),
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccomp(list),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: list('/linux/memoryPolicy/mode'), flags: list('/linux/memoryPolicy/flags') },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { 'org.nrunc.version': packageVersion(), 'org.nrunc.commit': commit(), 'org.nrunc.checkpoint.enabled': 'true' },
    potentiallyUnsafeConfigAnnotations: ['org.systemd.property.', 'org.criu.config', 'run.oci.'],
  }
}

const valuesByField = (): Map<string, readonly string[]> =>
  new Map(fieldsOf(specSchema).map(({ field, values }) => [field, [...values].sort()]))

function hookNames(): string[] {
  const parts = partsOf(hooksSchema)
  return parts.kind === 'struct' ? parts.entries.map(({ key }) => key) : []
}

/** The kernels on which nrunc runs have all flags but the newest, of Linux 5.19. seccomp(2). */
function isFlagSupported(flag: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return flag !== 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' || major > 5 || (major === 5 && minor >= 19)
}

function seccomp(list: (field: string) => readonly string[]): Features['linux']['seccomp'] {
  const flags = list('/linux/seccomp/flags')
  return {
    enabled: true, actions: list('/linux/seccomp/defaultAction'), operators: list('/linux/seccomp/syscalls/*/args/*/op'),
    archs: list('/linux/seccomp/architectures'), knownFlags: flags, supportedFlags: flags.filter(isFlagSupported),
  }
}
