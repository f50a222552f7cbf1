/**
 * Owners as the container sees them. Source: user_namespaces(7), /proc/PID/uid_map.
 */
import { readFileSync } from 'node:fs'
import { NruncError } from '../errors.ts'

/** What an id without a mapping is shown as; /proc/sys/kernel/overflowuid. */
const NOBODY = 65534

export class IdMap {
  readonly #kind: 'uid' | 'gid'
  readonly #ranges: readonly { readonly inside: number; readonly outside: number; readonly size: number }[]

  /** TEXT: lines of first id inside, first id outside (as this process sees it), and their number. */
  constructor(kind: 'uid' | 'gid', text: string) {
    this.#kind = kind
    this.#ranges = text.split('\n').filter((line) => line.trim() !== '').map((line) => {
      const [inside, outside, size] = line.trim().split(/\s+/).map(Number) as [number, number, number]
      return { inside, outside, size }
    })
  }

  static of(pid: number, kind: 'uid' | 'gid'): IdMap {
    return new IdMap(kind, readFileSync(`/proc/${pid}/${kind}_map`, 'latin1'))
  }

  /** The host's id. @throws NruncError ERR_OPTION_INVALID when the container has none of this number */
  toHost(id: number): number {
    const range = Number.isInteger(id) ? this.#ranges.find(({ inside, size }) => id >= inside && id - inside < size) : undefined
    if (range !== undefined) return range.outside + (id - range.inside)
    throw new NruncError('ERR_OPTION_INVALID', `the container has no ${this.#kind} ${id}`, { operand: String(id) })
  }

  /** The container's id; 65534 for one that it does not have. */
  fromHost(id: number): number {
    const range = this.#ranges.find(({ outside, size }) => id >= outside && id - outside < size)
    return range === undefined ? NOBODY : range.inside + (id - range.outside)
  }
}
