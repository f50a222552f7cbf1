/**
 * The config of a template, changed for one start.
 */
import { Blueprint } from './blueprint.ts'
import type { Mount, ProcessSpec, Spec } from '../spec/schema.ts'
import { validateSpec } from '../spec/validate.ts'

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

/** How many sets of changes are kept compiled. */
const kept = 16

/** A blueprint and what becomes of it; what was asked for lately is compiled already. */
export class Variants {
  readonly base: Blueprint
  readonly #changed = new Map<string, Blueprint>()

  constructor(base: Blueprint) {
    this.base = base
  }

  /** @throws NruncError ERR_CONFIG_INVALID; the fields are those of the changed config */
  with(changes: Changes): Blueprint {
    if (Object.values(changes).every((one) => one === undefined)) return this.base
    const key = JSON.stringify(changes)
    const known = this.#changed.get(key)
    if (known?.forMany) return known
    const spec = known?.spec ?? validateSpec(changedSpec(this.base.spec, changes))
    const blueprint = new Blueprint({ path: this.base.bundle, spec }, { forMany: known !== undefined })
    this.#changed.delete(key)
    if (this.#changed.size === kept) this.#changed.delete(this.#changed.keys().next().value!)
    this.#changed.set(key, blueprint)
    return blueprint
  }
}

/** The config with the changes in it. Not checked. */
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
