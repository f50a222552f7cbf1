/**
 * Whether the OOM killer has struck in a scope: systemd removes its cgroup with the last process in it, and the count of
 * the kernel with it, so that it is watched from the start on.
 */
import { existsSync } from 'node:fs'
import type { CgroupPaths } from './layout.ts'
import { oomFile } from './oom.ts'
import { type CgroupWatch, watchOom } from './watch.ts'

export class OomRecord {
  #struck = false
  readonly #file: string
  readonly #ended: Promise<void>

  private constructor(file: string, paths: CgroupPaths) {
    this.#file = file
    this.#ended = new Promise((resolve) => {
      const watch: CgroupWatch = watchOom(paths, {
        oom: () => {
          this.#struck = true
          watch.close() // it does not become more
          resolve()
        },
        end: resolve,
      })
    })
  }

  /** Undefined where nobody counts. */
  static begin(paths: CgroupPaths): OomRecord | undefined {
    const file = oomFile(paths)
    return file !== undefined && existsSync(file) ? new OomRecord(file, paths) : undefined
  }

  /** When the container has ended: whether it was seen to. What comes last of all may have been too late to be seen. */
  async struck(): Promise<boolean> {
    if (!existsSync(this.#file)) await this.#ended
    return this.#struck
  }
}
