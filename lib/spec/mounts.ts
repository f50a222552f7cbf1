/** `root` and `mounts` of config.json. Source: runtime-spec config.md "Root", "Mounts". */
import { idMappings } from './ids.ts'
import { flag, list, struct, text } from './shape.ts'
import type { Output } from './shape.ts'

export const rootSchema = struct({
  /** The root file system's directory, absolute or relative to the bundle. */
  path: text,
}, {
  /** Default false. */
  readonly: flag,
})
/** The root file system. config.md "Root". */
export interface Root extends Output<typeof rootSchema> {}

export const mountSchema = struct({
  /** Mount point in the container, absolute. */
  destination: text,
}, {
  /** A device, a file or directory of the host (relative to the bundle) for a bind mount, or a name. mount(2). */
  source: text,
  /** Type of the file system; without meaning for a bind mount. */
  type: text,
  /** `bind` or `rbind`, flags such as `ro`, and what is left is data for the file system. mount(8). */
  options: list(text),
  /** Ids of an idmapped mount; both kinds or none. mount_setattr(2) MOUNT_ATTR_IDMAP. */
  uidMappings: idMappings,
  gidMappings: idMappings,
})
/** One mount; they are made in the order of the list. config.md "Mounts". */
export interface Mount extends Output<typeof mountSchema> {}
