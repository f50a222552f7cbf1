/**
 * What one start of a config may have of its own.
 */
import type { Mount, ProcessSpec, Spec } from './schema.ts'

/** What a start may have of its own. */
export interface Changes {
  /** Program and arguments instead of those of the config. */
  readonly args?: readonly string[] | undefined
  /** Added to the environment of the config, as `NAME=value`; of a name given twice the last value counts. */
  readonly env?: readonly string[] | undefined
  readonly cwd?: string | undefined
  readonly hostname?: string | undefined
  /** Whether the program has a terminal. */
  readonly terminal?: boolean | undefined
  /** Made after the mounts of the config. */
  readonly mounts?: readonly Mount[] | undefined
  /** Added to the annotations of the config. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Instead of that of the config: two containers that run at the same time need two. */
  readonly cgroupsPath?: string | undefined
}

export type Change = keyof Changes

export const changeNames = ['args', 'env', 'cwd', 'hostname', 'terminal', 'mounts', 'annotations', 'cgroupsPath'] as const satisfies readonly Change[]

/** Those of CHANGES that there are. */
export const changesOf = (changes: Changes): ReadonlySet<Change> => new Set(changeNames.filter((name) => changes[name] !== undefined))

/** The config with the changes in it, which shares with SPEC all that is the same. Not checked. */
export function changedSpec(spec: Spec, { args, env, cwd, hostname, terminal, mounts, annotations, cgroupsPath }: Changes): Spec {
  const own = spec.process as ProcessSpec
  const process = {
    ...own,
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env: [...own.env ?? [], ...env] }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(terminal === undefined ? {} : { terminal }),
  }
  return {
    ...spec,
    process: process as ProcessSpec,
    ...(hostname === undefined ? {} : { hostname }),
    ...(mounts === undefined ? {} : { mounts: [...spec.mounts ?? [], ...mounts] }),
    ...(annotations === undefined ? {} : { annotations: { ...spec.annotations, ...annotations } }),
    ...(cgroupsPath === undefined ? {} : { linux: { ...spec.linux, cgroupsPath } }),
  }
}
