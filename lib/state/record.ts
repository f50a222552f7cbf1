/**
 * What the state of a new container says.
 */
import type { CgroupLayout } from '../cgroup/layout.ts'
import type { CreateOptions } from '../options/options.ts'
import { namespaceFiles } from '../plan/namespaces.ts'
import { rootfsPath } from '../plan/rootfs.ts'
import type { ResctrlGroup } from '../resctrl/group.ts'
import type { Spec } from '../spec/schema.ts'
import type { Descriptors } from '../streams/stdio.ts'
import type { StateFile } from './file.ts'

/** The first process of a container. */
export interface Init {
  readonly pid: number
  readonly startTime: string
}

/** What stands for it before it is made. */
export const noProcess: Init = { pid: 0, startTime: '0' }

interface Made {
  readonly id: string
  readonly bundle: string
  readonly spec: Spec
  readonly layout: CgroupLayout
  readonly resctrl: ResctrlGroup | undefined
  readonly options: Pick<CreateOptions, 'noNewKeyring'>
  readonly descriptors: Descriptors | undefined
}

/** The part that depends on the process alone, which may fork before it is created. */
export const processRecord = ({ pid, startTime }: Init): Pick<StateFile, 'init_process_pid' | 'init_process_start' | 'namespace_paths'> =>
  ({ init_process_pid: pid, init_process_start: Number(startTime), namespace_paths: namespacePaths(pid) })

/** The state of the container whose init is INIT. */
export const recordOf = (init: Init, { id, bundle, spec, layout, resctrl, options, descriptors }: Made): StateFile => ({
  id,
  ...processRecord(init),
  created: new Date().toISOString(),
  config: spec,
  rootless: layout.rootless,
  cgroup_paths: layout.paths,
  external_descriptors: spec.process?.terminal ? [] : descriptors?.links ?? [],
  intel_rdt_path: resctrl?.path ?? '',
  intel_rdt_own: resctrl?.own,
  bundle,
  rootfs: rootfsPath(spec, bundle),
  no_new_keyring: options.noNewKeyring ?? false,
  ...(layout.scope === undefined ? {} : { systemd: layout.scope }),
})

/** libcontainer's keys: the CLONE_* names without their first word. */
const namespaceKeys = Object.entries(namespaceFiles).map(([type, file]) =>
  [`NEW${{ mount: 'NS', network: 'NET' }[type] ?? type.toUpperCase()}`, file] as const)

const namespacePaths = (pid: number | string): Record<string, string> =>
  Object.fromEntries(namespaceKeys.map(([key, file]) => [key, `/proc/${pid}/ns/${file}`]))

/** The text of {@link processRecord}, with the bytes 1 and 2 in the place of pid and start time. */
export const openProcessRecord =
  `"init_process_pid":\x01,"init_process_start":\x02,"namespace_paths":${JSON.stringify(namespacePaths('\x01')).replaceAll('\\u0001', '\x01')}}`
