/**
 * What gives a file of a cgroup its former value back. Pure. Source: admin-guide/cgroup-v1, admin-guide/cgroup-v2.
 */
import type { Limit } from './limit.ts'

/**
 * The value to write to the file of LIMIT, which held BEFORE; undefined where there is none (a file that cannot be
 * read). Files with a line for each device get back only the line of the device.
 */
export function restoration({ file, value }: Limit, before: string): string | undefined {
  if (before === '') return undefined
  if (file === 'memory.oom_control') return /^oom_kill_disable (\d)$/m.exec(before)?.[1]
  const [key = '', ...words] = value.split(' ')
  if (words.length === 0 || file === 'cpu.max') return plain(before)
  return before.split('\n').find((line) => line.startsWith(`${key} `)) ?? `${key} ${unset(file, words.join(' '))}`
}

/** `default 100` and what devices have, of the weights of v2; the whole of any other file. */
const plain = (before: string): string => /^default (\d+)$/m.exec(before)?.[1] ?? before

function unset(file: string, rest: string): string {
  if (rest.includes('=')) return rest.replaceAll(/=\S+/g, '=max')
  return file === 'io.weight' ? 'default' : '0'
}
