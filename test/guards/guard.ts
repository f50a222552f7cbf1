/**
 * A guard, how to take it out, and the tests that must fail then. Run by scripts/guards.mjs in a copy of the tree.
 */
export interface Guard {
  readonly name: string
  /** FILE, what stands there once, and what takes its place. */
  readonly changes: readonly (readonly [file: string, guard: string, without: string])[]
  /** Of them one test at least has to fail; below test/. */
  readonly tests: readonly string[]
  /** Only tests with this in their name. */
  readonly title?: string
  /** The tests that look at the command line need it built. */
  readonly commandLine?: boolean
  /** A race that is lost now and then takes more than its usual rounds. */
  readonly rounds?: number
}
