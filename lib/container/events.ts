/**
 * The events of a container, watched for only while somebody listens.
 */
import { EventEmitter } from 'node:events'
import type { CgroupPaths } from '../cgroup/layout.ts'
import { type CgroupWatch, watchMemoryPressure, watchOom } from '../cgroup/watch.ts'
import type { ContainerExit } from '../options/options.ts'

/** What a container emits, with what listeners get. */
export interface ContainerEvents {
  /** The container's process has ended; with what `wait` gives. */
  exit: [exit: ContainerExit]
  /** The container ran out of memory; on cgroup v2 when a process of it was killed for that. */
  oom: []
  /** Memory gets short: v1's level `medium`; on v2 some task lost 300 ms of 2 s by it. */
  memoryPressure: []
  /** `pause` and `resume` of this object have done it. */
  paused: []
  resumed: []
}

type Watched = 'oom' | 'memoryPressure'

/** What a container is as an event emitter. Listening does not keep the event loop alive. */
export class ContainerEmitter extends EventEmitter<ContainerEvents> {
  readonly #watches = new Map<Watched, CgroupWatch>()
  #exitTold = false

  /**
   * @internal
   * @throws from `on`: NruncError ERR_CGROUP for `oom` and `memoryPressure` where the host does not tell of them
   */
  protected listenFor(paths: () => CgroupPaths, exit: () => Promise<ContainerExit>): void {
    const on = this.on.bind(this) as unknown as (event: string, listener: (name: string) => void) => void
    on('newListener', (name: string) => {
      if (name === 'exit' && !this.#exitTold) {
        this.#exitTold = true
        void exit().then((result) => this.emit('exit', result))
      }
      if ((name === 'oom' || name === 'memoryPressure') && !this.#watches.has(name)) {
        const tell = (): void => { this.emit(name) }
        const end = (): void => { this.#watches.delete(name) }
        this.#watches.set(name, name === 'oom'
          ? watchOom(paths(), { oom: tell, end })
          : watchMemoryPressure(paths(), 'medium', { pressure: tell, end }))
      }
    })
    on('removeListener', (name: string) => {
      if (this.listenerCount(name as Watched) > 0) return
      this.#watches.get(name as Watched)?.close()
      this.#watches.delete(name as Watched)
    })
  }
}
