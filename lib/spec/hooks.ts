/** `hooks` of config.json. Source: runtime-spec config.md "POSIX-platform Hooks". */
import { integer, list, struct, text } from './shape.ts'
import type { Output } from './shape.ts'

const hook = struct({
  /** The program, absolute. */
  path: text,
}, {
  /** Its arguments, the first one its name, as execv(3). */
  args: list(text),
  /** Its whole environment, as `NAME=value`. */
  env: list(text),
  /** Seconds, at least 1; no limit when absent. */
  timeout: integer(-0x80000000, 0x7fffffff),
})
/** A program that is run at a point of the container's life, with the state on its standard input. */
export interface Hook extends Output<typeof hook> {}

const hooks = list<Hook>(hook)

export const hooksSchema = struct({}, {
  /** Deprecated: as createRuntime, and before it. */
  prestart: hooks,
  /** On create, in the runtime's namespaces, before the root is changed. */
  createRuntime: hooks,
  /** On create, in the container's namespaces, before the root is changed. */
  createContainer: hooks,
  /** On start, in the container, before its program is executed. */
  startContainer: hooks,
  /** After the program was executed, in the runtime's namespaces. */
  poststart: hooks,
  /** After the container was deleted, in the runtime's namespaces. */
  poststop: hooks,
})
/** The six kinds of hooks. config.md "POSIX-platform Hooks". */
export interface Hooks extends Output<typeof hooksSchema> {}

/** Annotations that name the files, added to, that hooks write to. Source: crun(1), "Extensions to OCI". */
export const outputAnnotations = { stdout: 'run.oci.hooks.stdout', stderr: 'run.oci.hooks.stderr' } as const
