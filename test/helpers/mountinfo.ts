/**
 * The mount table of a container. Source: proc_pid_mountinfo(5).
 */
export interface MountLine {
  /** Number of the mount, and of the one that it is mounted on. */
  readonly id: number
  readonly parent: number
  readonly path: string
  /** What of the file system is mounted. */
  readonly root: string
  readonly type: string
  readonly source: string
  /** Flags of the mount itself. */
  readonly options: readonly string[]
  /** Options of the file system. */
  readonly data: readonly string[]
  /** `shared:N`, `master:N` and so on. */
  readonly propagation: readonly string[]
}

/** The lines of /proc/self/mountinfo, in their order. */
export const parseMountTable = (text: string): MountLine[] =>
  text.split('\n').filter(Boolean).map((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [id, parent, , root = '', path = '', options = '', ...propagation] = before.split(' ')
    const [type = '', source = '', data = ''] = after.split(' ')
    return { id: Number(id), parent: Number(parent), path, root, type, source, options: options.split(','), data: data.split(','), propagation }
  })
