/**
 * A command line that cannot be understood. The command then prints its help and exits with 1, as runc does.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** Whether the words themselves are wrong (a flag), or only their number is. */
  readonly syntax: boolean

  constructor(message: string, syntax = true) {
    super(message)
    this.syntax = syntax
  }
}
