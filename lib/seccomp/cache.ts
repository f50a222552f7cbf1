/**
 * Compiled filters, kept: in memory, and below the state root for the next process. A file is used only when it belongs
 * to this user, nobody else can write it, and it is whole; whatever is wrong with it, the filter is compiled anew.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync,
  writeFileSync,
} from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import type { Seccomp } from '../spec/schema.ts'
import { nativeArchitecture } from './architectures.ts'
import { compileProgram, MAXIMUM_INSTRUCTIONS } from './compile.ts'
import { TABLE_VERSION } from './numbers.ts'

/** To be raised when the compiler gives another program for the same profile. */
const COMPILER_VERSION = 2

/** The name cannot be the id of a container. */
const DIRECTORY = '@seccomp'

/** How many programs are kept, in memory and on disk; the oldest goes first. */
export const KEPT_PROGRAMS = 64

const HASH_SIZE = 32
const memory = new Map<string, Uint8Array>()

/**
 * The program of a profile, from the cache of a state root or compiled into it.
 *
 * @throws NruncError ERR_CONFIG_INVALID as {@link compileProgram}
 */
export function cachedProgram(root: string, profile: Seccomp): Uint8Array {
  const key = keyOf(profile)
  let program = memory.get(key)
  if (program !== undefined) return program
  const directory = join(root, DIRECTORY)
  program = read(directory, key)
  if (program === undefined) {
    program = compileProgram(profile, nativeArchitecture())
    write(directory, key, program)
  }
  if (memory.size >= KEPT_PROGRAMS) memory.delete(memory.keys().next().value!)
  memory.set(key, program)
  return program
}

/** Forget what is in memory, for tests of what is on disk. */
export const forgetPrograms = (): void => memory.clear()

/** All that the program depends on. The listener is none of it. */
function keyOf({ defaultAction, defaultErrnoRet, architectures, syscalls }: Seccomp): string {
  const parts = [
    COMPILER_VERSION, TABLE_VERSION, nativeArchitecture(), release(), defaultAction, defaultErrnoRet, architectures, syscalls,
  ]
  const text = JSON.stringify(parts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  return createHash('sha256').update(text).digest('hex')
}

const hashOf = (program: Uint8Array): Buffer => createHash('sha256').update(program).digest()

/** What others can write would let them choose the filter of a container. */
const isOwn = ({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean =>
  uid === process.geteuid!() && (mode & 0o022) === 0

/** Who can write the directory could give one good file the name of another. */
const isOwnDirectory = (directory: string): boolean => {
  const status = lstatSync(directory)
  return status.isDirectory() && isOwn(status)
}

function read(directory: string, key: string): Uint8Array | undefined {
  let fd
  try {
    if (!isOwnDirectory(directory)) return undefined
    fd = openSync(join(directory, key), constants.O_RDONLY | constants.O_NOFOLLOW)
    const status = fstatSync(fd)
    if (!status.isFile() || !isOwn(status) || status.size > HASH_SIZE + MAXIMUM_INSTRUCTIONS * 8) return undefined
    const content = readFileSync(fd)
    const program = content.subarray(HASH_SIZE)
    const whole = program.length > 0 && program.length % 8 === 0 && hashOf(program).equals(content.subarray(0, HASH_SIZE))
    return whole ? program : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Under another name first: a reader sees a whole file or none. That it cannot be written is no reason to fail. */
function write(directory: string, key: string, program: Uint8Array): void {
  const temporary = join(directory, `${key}.${randomBytes(6).toString('hex')}`)
  try {
    attempt(() => mkdirSync(directory, 0o700))
    if (!isOwnDirectory(directory)) return
    writeFileSync(temporary, Buffer.concat([hashOf(program), program]), { mode: 0o600, flag: 'wx' })
    renameSync(temporary, join(directory, key))
    removeOldest(directory)
  } catch {
    attempt(() => unlinkSync(temporary))
  }
}

function removeOldest(directory: string): void {
  const names = readdirSync(directory)
  if (names.length <= KEPT_PROGRAMS) return
  const dated = names.flatMap((name) => attempt(() => [{ name, time: statSync(join(directory, name)).mtimeMs }]) ?? [])
  for (const { name } of dated.sort((a, b) => a.time - b.time).slice(0, names.length - KEPT_PROGRAMS)) {
    attempt(() => unlinkSync(join(directory, name)))
  }
}

/** Another process may be at the same. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
