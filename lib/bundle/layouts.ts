/**
 * Where the cgroups of many containers are that differ in their id alone. Pure.
 */
import type { CgroupLayout } from '../cgroup/layout.ts'
import { firstEntry } from '../cgroup/operations.ts'
import { openId, probeId } from '../plan/open-parts.ts'

export class Layouts {
  readonly #compute: (id: string) => CgroupLayout
  /** As JSON, with the id open; empty where the id is more than a part of texts. */
  readonly #open: string
  #last: { readonly id: string; readonly layout: CgroupLayout } | undefined
  /** Through how many files init enters. */
  readonly taskFiles: number

  /** @throws what COMPUTE throws */
  constructor(compute: (id: string) => CgroupLayout) {
    const open = compute(openId)
    const text = JSON.stringify(open)
    this.#compute = compute
    this.#open = JSON.stringify(fill(text, probeId)) === JSON.stringify(compute(probeId)) ? text : ''
    this.taskFiles = firstEntry(open).tasks.length
  }

  of(id: string): CgroupLayout {
    if (this.#open === '') return this.#compute(id)
    if (this.#last?.id !== id) this.#last = { id, layout: fill(this.#open, id) }
    return this.#last.layout
  }
}

const fill = (text: string, id: string): CgroupLayout => JSON.parse(text.replaceAll(openId, id)) as CgroupLayout
