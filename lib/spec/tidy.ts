import type { Problem } from '../errors.ts'
import { entryOf } from './check.ts'
import { pointer } from './pointer.ts'

/** Far more than any field of the specification needs; keeps the stack from running out. */
const maximumDepth = 32

/** Objects used as maps: their keys are data, so that a null in them is not an absent field. */
const maps = new Set(['annotations', 'netDevices', 'rdma', 'sysctl', 'unified'])

/**
 * What is true of the whole document whatever its fields: a field that is null counts as absent (Go programs write
 * it), and no key or string may contain a NUL byte, as the kernel would read only what stands before it. Annotations
 * are exempt, they never reach the kernel. The value itself is not changed, copies are made where something is. What is the
 * same in VALID, a value that is tidy, is not looked at.
 */
export function tidy(value: unknown, problems: Problem[], valid?: unknown): unknown {
  const path: (string | number)[] = []
  /** Each object is looked at once: what a program hands over may be a graph. */
  const seen = new Map<object, unknown>()
  const report = (message: string) => void problems.push({ field: pointer(...path), message })

  const visit = (node: unknown, known: unknown): unknown => {
    if (node === known) return node
    if (typeof node === 'string' && node.includes('\0')) report('contains null byte')
    if (typeof node !== 'object' || node === null) return node
    if (seen.has(node)) return seen.get(node)
    if (path.length > maximumDepth) return report('is nested too deeply')
    seen.set(node, node)
    const tidied = Array.isArray(node) ? visitList(node, known) : visitObject(node as Record<string, unknown>, known)
    seen.set(node, tidied)
    return tidied
  }

  const visitList = (node: readonly unknown[], known: unknown): unknown => {
    let copy: unknown[] | undefined
    for (const [index, item] of node.entries()) {
      path.push(index)
      const tidied = visit(item, entryOf(known, index))
      path.pop()
      if (tidied !== item) (copy ??= [...node])[index] = tidied
    }
    return copy ?? node
  }

  const visitObject = (node: Readonly<Record<string, unknown>>, known: unknown): unknown => {
    let copy: Record<string, unknown> | undefined
    const isMap = maps.has(String(path.at(-1)))
    for (const key of Object.keys(node)) {
      if (key === 'annotations' && path.length === 0 && node[key] !== null) continue
      path.push(key)
      if (key.includes('\0')) report('name contains null byte')
      const tidied = node[key] === null && !isMap ? undefined : visit(node[key], entryOf(known, key))
      path.pop()
      if (tidied === node[key]) continue
      copy ??= { ...node }
      if (tidied === undefined) delete copy[key]
      else copy[key] = tidied
    }
    return copy ?? node
  }

  return visit(value, valid)
}
