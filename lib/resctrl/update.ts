/**
 * New schemata for a container that runs. Source: runc's `update`, the kernel's filesystems/resctrl.rst.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { NruncError } from '../errors.ts'
import type { IntelRdt } from '../spec/schema.ts'
import { removeResctrl } from './group.ts'
import type { ResctrlHost } from './host.ts'

/** What `update` can change of `linux.intelRdt`. */
export type RdtUpdate = Pick<IntelRdt, 'l3CacheSchema' | 'memBwSchema'>

/** The group of a container in its state, and what takes the change back. */
export interface UpdatedGroup {
  readonly path: string
  readonly own: readonly string[] | undefined
  readonly undo: () => void
}

/**
 * Write the schemata. A container that has no group gets one of its own, with all its processes.
 *
 * @param current - The container's group, empty for none, and what it alone has.
 * @throws NruncError ERR_HOST in runc's words where the host cannot divide what is asked for, or the kernel refuses
 */
export function updateResctrl(
  { l3CacheSchema = '', memBwSchema = '' }: RdtUpdate, id: string, host: ResctrlHost | undefined,
  current: { readonly path: string; readonly own: readonly string[] | undefined; readonly pids: readonly number[] },
): UpdatedGroup {
  if (l3CacheSchema !== '' && !host?.cache) throw refused('Intel RDT/CAT: l3 cache schema is not enabled')
  if (host === undefined || (memBwSchema !== '' && !host.bandwidth)) {
    throw refused('Intel RDT/MBA: memory bandwidth schema is not enabled')
  }
  const made = current.path === ''
  const path = made ? `${host.root}/${id}` : current.path
  try {
    if (made) makeGroup(path, current.pids)
    const before = made ? '' : readFileSync(`${path}/schemata`, 'latin1')
    const undo = (): void => (made ? removeResctrl([path]) : writeFileSync(`${path}/schemata`, before))
    try {
      const lines = [l3CacheSchema, memBwSchema].flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '')
      writeFileSync(`${path}/schemata`, `${lines.join('\n')}\n`)
    } catch (error) {
      undo()
      throw error
    }
    return { path, own: made ? [...current.own ?? [], path] : current.own, undo }
  } catch (cause) {
    if (cause instanceof NruncError) throw cause
    const { code, syscall } = cause as NodeJS.ErrnoException
    const why = readStatus(`${host.root}/info/last_cmd_status`)
    throw new NruncError('ERR_HOST', `cannot set ${JSON.stringify(`${path}/schemata`)}: ${code}${why}`,
      { step: 'writeResctrl', syscall, errno: code, operand: path, cause })
  }
}

/** The threads that a process starts later are in its group; those that it has are moved one by one. */
function makeGroup(path: string, pids: readonly number[]): void {
  mkdirSync(path)
  try {
    for (const thread of pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`))) {
      writeFileSync(`${path}/tasks`, `${thread}\n`, { flag: 'a' })
    }
  } catch (error) {
    removeResctrl([path])
    throw error
  }
}

function readStatus(file: string): string {
  try {
    return ` (${readFileSync(file, 'latin1').trim()})`
  } catch {
    return ''
  }
}

const refused = (message: string): NruncError => new NruncError('ERR_HOST', message)
