import { list, struct, uint32 } from './shape.ts'
import type { Output } from './shape.ts'

const idMapping = struct({
  /** First id in the container. */
  containerID: uint32,
  /** First id on the host. */
  hostID: uint32,
  /** How many ids, at least 1. */
  size: uint32,
})
/** A range of user or group ids. config-linux.md "User namespace mappings", user_namespaces(7). */
export interface IdMapping extends Output<typeof idMapping> {}

export const idMappings = list<IdMapping>(idMapping)
