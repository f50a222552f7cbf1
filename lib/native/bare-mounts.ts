/**
 * Whether plans of this environment can have bare mounts, see `plan/bare-mounts.ts`.
 */
import { readFile } from 'node:fs/promises'
import { job } from './addon.ts'

/** From how many mounts of the host on it is worth while. */
const MANY = 100

let made: Promise<boolean> | undefined

/** WANTED: also where there are few mounts, or never. What cannot be made is not missed: the host's mounts are copied then. */
export async function bareMounts(wanted: boolean | undefined): Promise<boolean> {
  if (wanted === false || (wanted === undefined && !await hasManyMounts())) return false
  return made ??= job((native, id) => native.bareMounts(id)).then(({ a: errno }) => errno === 0)
}

/** A line for each; proc_pid_mountinfo(5). */
async function hasManyMounts(): Promise<boolean> {
  const text = await readFile('/proc/self/mountinfo', 'latin1').catch(() => '')
  return text.split('\n').length > MANY
}
