/**
 * New limits for a cgroup that is in use. Runs in the Node process; the writes are libuv's, because one that takes memory
 * away may wait for the kernel to find it.
 */
import { existsSync } from 'node:fs'
import { NruncError } from '../errors.ts'
import { errnoMessage } from '../native/errno.ts'
import { readText } from '../native/files.ts'
import type { Resources } from '../spec/schema.ts'
import { errnoOf, writeControl } from './directory.ts'
import type { CgroupHost } from './host.ts'
import type { CgroupPaths } from './layout.ts'
import { type HasFile, invalid, type Limit } from './limit.ts'
import { type PlacedLimit, selectLimits } from './select.ts'
import { restoration } from './restore.ts'

interface Write extends PlacedLimit {
  readonly path: string
}

/** Limits that were written, what their files held before, and what writes that again. */
export interface Updated {
  readonly limits: readonly Limit[]
  readonly former: readonly Limit[]
  readonly undo: () => Promise<void>
}

/**
 * Write the limits of CHANGES, which have to be complete where one depends on another. When one is refused, those
 * written before get their former values back.
 *
 * @throws NruncError ERR_CGROUP, ERR_CONFIG_INVALID; the fields are relative to the resources
 */
export async function updateCgroup(host: CgroupHost, paths: CgroupPaths, changes: Resources): Promise<Updated> {
  const directoryOf = (version: 1 | 2, controller: string) => (version === 2 ? paths[''] : paths[controller])
  const has: HasFile = (controller, file) => existsSync(`${directoryOf(host.mode === 'v2' ? 2 : 1, controller)}/${file}`)
  const writes = selectLimits(host, changes, has).map((limit): Write => {
    const directory = directoryOf(limit.version, limit.controller)
    const field = limit.field.slice('/linux/resources'.length)
    if (directory === undefined) throw new NruncError('ERR_CGROUP', limit.lacking, { field, operand: limit.controller })
    return { ...limit, field, path: `${directory}/${limit.file}` }
  })
  if (changes.memory?.checkBeforeUpdate) await checkUsage(paths, changes.memory)
  const done: { readonly write: Write, readonly before: string }[] = []
  const undo = async (): Promise<void> => {
    for (const { write, before } of done.toReversed()) {
      const value = restoration(write, before)
      if (value !== undefined) await writeControl(write.path, value)
    }
  }
  try {
    await writeAll(writes, (write, before) => done.push({ write, before }))
    const former = done.map(({ write, before }) => ({ ...write, value: before.trim() }))
    return { limits: done.map(({ write }) => write), former, undo }
  } catch (error) {
    await undo().catch((reason: Error) => process.emitWarning(
      `setting back cgroup limits failed: ${reason.message}; the limits and state.json may be inconsistent`))
    throw error
  }
}

/** One that the kernel only accepts after another (quota and period, memory and swap) is tried again after them. */
async function writeAll(writes: readonly Write[], written: (write: Write, before: string) => void): Promise<void> {
  let refused: Write[] = []
  let first: NruncError | undefined
  for (const write of writes) {
    try {
      const before = await readText(write.path).catch(() => '')
      await writeControl(write.path, write.value)
      written(write, before)
    } catch (error) {
      if (write.optional && errnoOf(error) === 'ENOENT') continue
      const failure = await refusal(write, error)
      if (failure.errno !== 'EINVAL') throw failure
      first ??= failure
      refused = [...refused, write]
    }
  }
  if (first === undefined) return
  if (refused.length === writes.length) throw first
  await writeAll(refused, written)
}

async function refusal(write: Write, error: unknown): Promise<NruncError> {
  const { path, field, value, file } = write
  const { syscall, errno = 0 } = error as NodeJS.ErrnoException
  const details = { field, step: 'writeCgroup', syscall, errno: errnoOf(error), operand: path, cause: error }
  if (errnoOf(error) === 'ENOENT' && await lacksController(write)) return new NruncError('ERR_CGROUP', write.lacking, details)
  if (file === 'memory.limit_in_bytes' && errnoOf(error) === 'EBUSY') {
    const [usage, peak] = await Promise.all(['memory.usage_in_bytes', 'memory.max_usage_in_bytes'].map(async (name) =>
      (await readText(path.replace(file, name)).catch(() => '?')).trim()))
    return new NruncError('ERR_CGROUP',
      `unable to set memory limit to ${value} (current usage: ${usage}, peak usage: ${peak})`, details)
  }
  return new NruncError('ERR_CGROUP',
    `cannot set ${JSON.stringify(path)}: ${syscall}: ${errnoMessage(-errno)} (field ${field})`, details)
}

/** On v2 a cgroup has the controllers that those above it pass on. */
async function lacksController({ path, version, controller, file }: Write): Promise<boolean> {
  if (version === 1 || controller === 'cgroup') return false
  const names = await readText(path.replace(file, 'cgroup.controllers')).catch(() => undefined)
  return names !== undefined && !names.trim().split(' ').includes(controller)
}

/** v1 refuses a limit below the usage itself; v2 would begin to kill. */
async function checkUsage(paths: CgroupPaths, { limit = 0, swap = 0 }: NonNullable<Resources['memory']>): Promise<void> {
  const text = await readText(`${paths['']}/memory.current`).catch(() => undefined)
  if (text === undefined) return
  const usage = BigInt(text.trim())
  for (const [name, words, value] of [['swap', 'memory+swap', swap], ['limit', 'memory', limit]] as const) {
    if (value > 0 && BigInt(value) <= usage) {
      throw invalid(`/memory/${name}`, `rejecting ${words} limit ${value} <= usage ${usage}`)
    }
  }
}
