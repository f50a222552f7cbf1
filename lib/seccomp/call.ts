/**
 * A trapped system call as JavaScript sees it. Source: seccomp_unotify(2), linux/seccomp.h `struct seccomp_notif`.
 */
import { NruncError } from '../errors.ts'
import { job } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { type ArchitectureName, architectures, X32_BIT } from './architectures.ts'
import { systemCalls } from './tables.ts'

/** A descriptor of this process for the process that makes the call. It stays the caller's. */
export interface SeccompDescriptor {
  readonly fd: number
  /** Its number there, where another descriptor of this number is closed. Default: the lowest one that is free. */
  readonly number?: number | undefined
  /** Default false. */
  readonly closeOnExec?: boolean | undefined
}

/** What a trapped call asks for. What stands in memory can change at any time: it is no ground for a decision to let the call go on. */
export interface SeccompCall {
  /** The kernel's number of this call; no other one under this filter has it. */
  readonly id: bigint
  /** Id of the container. */
  readonly container: string
  /** Host's id of the thread that makes the call. Another may have it by now: see `waits`. */
  readonly pid: number
  /** `openat`; null for a number that is unknown to this version of nrunc. */
  readonly name: string | null
  readonly number: number
  /** As in config.json, `SCMP_ARCH_X86_64`. */
  readonly arch: string
  /** All six, whatever the call takes, unsigned. */
  readonly args: readonly bigint[]
  readonly instructionPointer: bigint
  /** Aborted when the last process under the filter has ended. */
  readonly signal: AbortSignal
  /**
   * Whether the call still waits for its answer. When it does, all that was found out before by `pid` (files of
   * `/proc/PID`, a pidfd) is of its thread: ask after it, and not before. `readMemory` and `readString` do so themselves.
   *
   * @throws NruncError ERR_NATIVE
   */
  waits(): Promise<boolean>
  /**
   * What is at an address of the calling process; shorter where the memory ends.
   *
   * @param length - 1 to 1 MiB
   * @throws NruncError ERR_NATIVE: nothing is there (EFAULT), the call is over (ENOENT), it may not be read (EPERM)
   */
  readMemory(address: bigint, length: number): Promise<Buffer>
  /**
   * The text up to the first zero byte, a path for example.
   *
   * @param maxBytes - the longest text that is read, default 4096
   * @throws NruncError as `readMemory`; ERR_NATIVE for one that is longer
   */
  readString(address: bigint, maxBytes?: number): Promise<string>
  /** Put a descriptor into the calling process, which still waits then. @throws NruncError ERR_NATIVE */
  addFd(descriptor: SeccompDescriptor): Promise<number>
}

const MOST = 1 << 20

const byAudit = new Map<number, readonly ArchitectureName[]>()
for (const [name, { audit }] of Object.entries(architectures)) {
  byAudit.set(audit, [...byAudit.get(audit) ?? [], name as ArchitectureName])
}

const names = new Map<ArchitectureName, ReadonlyMap<number, string>>()

function nameOf(architecture: ArchitectureName, number: number): string | null {
  let table = names.get(architecture)
  if (table === undefined) {
    table = new Map([...systemCalls(architecture)].map(([name, value]) => [value, name]))
    names.set(architecture, table)
  }
  return table.get(number) ?? null
}

function architectureOf(audit: number, number: number): ArchitectureName | undefined {
  const [first, second] = byAudit.get(audit) ?? []
  return second !== undefined && (number & X32_BIT) !== 0 ? second : first
}

/** One call that waits for its answer; LISTENING is the addon's id of the filter. */
export class TrappedCall implements SeccompCall {
  readonly id: bigint
  readonly container: string
  readonly pid: number
  readonly name: string | null
  readonly number: number
  readonly arch: string
  readonly args: readonly bigint[]
  readonly instructionPointer: bigint
  readonly #listening: number
  #ended = false
  #controller: AbortController | undefined

  constructor(listening: number, container: string, data: Buffer) {
    const number = data.readInt32LE(16)
    const audit = data.readUInt32LE(20)
    const architecture = architectureOf(audit, number)
    this.#listening = listening
    this.container = container
    this.id = data.readBigUInt64LE(0)
    this.pid = data.readUInt32LE(8)
    this.number = number
    this.arch = architecture === undefined ? `0x${audit.toString(16)}` : `SCMP_ARCH_${architecture}`
    this.name = architecture === undefined ? null : nameOf(architecture, number)
    this.instructionPointer = data.readBigUInt64LE(24)
    this.args = Array.from({ length: 6 }, (_, at) => data.readBigUInt64LE(32 + 8 * at))
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#ended) this.#controller.abort()
    return this.#controller.signal
  }

  /** There is nobody left to answer. */
  end(): void {
    this.#ended = true
    this.#controller?.abort()
  }

  async waits(): Promise<boolean> {
    const { error } = await this.#read(0n, 0)
    if (error !== 0 && errnoName(error) !== 'ENOENT') throw this.#failure('look at', 'ioctl(SECCOMP_IOCTL_NOTIF_ID_VALID)', error)
    return error === 0
  }

  async readMemory(address: bigint, length: number): Promise<Buffer> {
    if (typeof address !== 'bigint' || address < 0n || address >= 1n << 64n) throw invalid('address', address, 'an unsigned bigint of 64 bits')
    if (!Number.isInteger(length) || length < 1 || length > MOST) throw invalid('length', length, `an integer from 1 to ${MOST}`)
    const { error, data } = await this.#read(address, length)
    const where = `0x${address.toString(16)}`
    if (error !== 0) throw this.#failure(`read the memory at ${where} of`, 'process_vm_readv', error)
    return data
  }

  async #read(address: bigint, length: number): Promise<{ readonly error: number, readonly data: Buffer }> {
    const { a: error, data } = await job((native, id) => native.readMemory(id, this.#listening, this.id, this.pid, address, length))
    return { error, data }
  }

  async readString(address: bigint, maxBytes = 4096): Promise<string> {
    if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes >= MOST) throw invalid('maxBytes', maxBytes, `an integer from 1 to ${MOST - 1}`)
    const memory = await this.readMemory(address, maxBytes + 1)
    const end = memory.indexOf(0)
    if (end >= 0) return memory.toString('utf8', 0, end)
    throw new NruncError('ERR_NATIVE', `the text at 0x${address.toString(16)} of process ${this.pid} has no end within ${memory.length} bytes`)
  }

  async addFd(descriptor: SeccompDescriptor): Promise<number> {
    return this.add(descriptor, false)
  }

  /** With ANSWER the number is the value of the call, which goes on. */
  async add({ fd, number = -1, closeOnExec = false }: SeccompDescriptor, answer: boolean): Promise<number> {
    if (!isDescriptor(fd)) throw invalid('fd', fd, 'a descriptor')
    if (number !== -1 && !isDescriptor(number)) throw invalid('number', number, 'a descriptor')
    const { a } = await job((native, id) => native.addDescriptor(id, this.#listening, this.id, fd, number, closeOnExec === true, answer))
    if (a < 0) throw this.#failure('add a descriptor to', 'ioctl(SECCOMP_IOCTL_NOTIF_ADDFD)', -a)
    return a
  }

  #failure(what: string, syscall: string, error: number): NruncError {
    const errno = errnoName(error)
    return new NruncError('ERR_NATIVE', `cannot ${what} process ${this.pid}: ${errno}`, { syscall, errno, operand: String(this.pid) })
  }
}

const isDescriptor = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31

const invalid = (name: string, value: unknown, words: string): NruncError =>
  new NruncError('ERR_OPTION_INVALID', `${name} must be ${words}, not ${String(value)}`, { operand: name })
