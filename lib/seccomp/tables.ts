/**
 * Names of system calls -> their numbers. An architecture's table is unpacked when it is first asked for.
 */
import type { ArchitectureName } from './architectures.ts'
import { behind, multiplexed, names, numbers } from './numbers.ts'

const tables = new Map<ArchitectureName, ReadonlyMap<string, number>>()

function tableOf(architecture: ArchitectureName): ReadonlyMap<string, number> {
  let table = tables.get(architecture)
  if (table === undefined) {
    const [base, packed] = numbers[architecture]
    table = new Map(packed.split(' ').flatMap((text, index) =>
      (text === '-' ? [] : [[names[index]!, base + Number.parseInt(text, 36)] as const])))
    tables.set(architecture, table)
  }
  return table
}

/** Its number; undefined where the architecture does not have it, or has it only behind socketcall or ipc. */
export const systemCall = (architecture: ArchitectureName, name: string): number | undefined => tableOf(architecture).get(name)

/** The number of socketcall(2) or ipc(2), where these stand for the call, and its own number there. */
export function multiplexer(architecture: ArchitectureName, name: string): { number: number; call: number } | undefined {
  const place = multiplexed.includes(architecture) && Object.hasOwn(behind, name) ? behind[name] : undefined
  if (place === undefined) return undefined
  const number = systemCall(architecture, place < 200 ? 'socketcall' : 'ipc')
  return number === undefined ? undefined : { number, call: place % 100 }
}

/** The highest number that one of these names has, or that stands for it; undefined where the architecture has none of them. */
export function highestCall(architecture: ArchitectureName, called: readonly string[]): number | undefined {
  const table = tableOf(architecture)
  let highest: number | undefined
  for (const name of called) {
    const number = Math.max(table.get(name) ?? -1, multiplexer(architecture, name)?.number ?? -1)
    if (number >= 0 && (highest === undefined || number > highest)) highest = number
  }
  return highest
}

/** All names with their numbers. */
export const systemCalls = tableOf
