/**
 * Removing a directory that nrunc has made itself (the bundle of a container without one).
 */
import { lstatSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Turns } from '../turns.ts'

/** As rm -r, but a directory of another file system is left alone: something is still mounted there. */
export function removeTree(directory: string): void {
  const steps = removal(directory)
  while (!steps.next().done);
}

/** The same for one of many files, in turns of the event loop. */
export async function removeTreeInTurns(directory: string): Promise<void> {
  const turns = new Turns()
  for (const _ of removal(directory)) await turns.give()
}

function* removal(directory: string): Generator<void, void> {
  const { dev } = statSync(directory)
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const status = lstatSync(path)
    if (!status.isDirectory()) unlinkSync(path)
    else if (status.dev === dev) yield* removal(path)
    yield
  }
  rmdirSync(directory)
}
