/**
 * The one place where a failed operation gets its words: verb, quoted operand, cause; with the field of config.json
 * that it came from. Where clients of other runtimes match on a message, it has theirs.
 */
import { type ErrorCode, NruncError } from '../errors.ts'
import { type OperationName, operations } from '../plan/operations.ts'
import { errnoMessage, errnoName } from './errno.ts'

interface Failure {
  readonly op: OperationName
  readonly errno: number
  readonly field: string
  readonly syscall: string
  readonly operand: string
  readonly detail: string
}

const nameOf = new Map<number, OperationName>(
  Object.entries(operations).map(([name, { code }]) => [code, name as OperationName]),
)

/** plan::FrameWriter::failure in `addon/plan/writer.h`. What a report that was cut does not have is zero or empty. */
function decode(data: Buffer): Failure {
  const number = (at: number): number => (at + 4 <= data.length ? data.readUInt32LE(at) : 0)
  let at = 12
  const text = (): string => {
    const size = number(at)
    const value = data.toString('utf8', at + 4, at + 4 + size)
    at += size + 5
    return value
  }
  const op = nameOf.get(number(4)) ?? 'clone'
  const errno = number(8) | 0
  const field = text()
  return { op: whole(op, field), errno, field, syscall: text(), operand: text(), detail: text() }
}

/** With bare mounts the host and init share a step. */
function whole(op: OperationName, field: string): OperationName {
  if (op === 'openTree') return field === '/root/path' ? 'openRoot' : 'bindMount'
  return op === 'attachRoot' ? 'openRoot' : op
}

const codes: Partial<Record<OperationName, ErrorCode>> = {
  hook: 'ERR_HOOK', findProgram: 'ERR_PROGRAM', execute: 'ERR_PROGRAM', makeCgroup: 'ERR_CGROUP',
  stageState: 'ERR_STATE_INVALID', writeCgroup: 'ERR_CGROUP', adoptCgroup: 'ERR_CGROUP',
  attachDeviceProgram: 'ERR_CGROUP', joinCgroup: 'ERR_CGROUP', delegateCgroup: 'ERR_CGROUP',
}

/** The error for what init or the host reported about an operation. */
export function failureError(data: Buffer): NruncError {
  const failure = decode(data)
  const code = codes[failure.op] ?? (operations[failure.op].by === 'host' ? 'ERR_HOST' : 'ERR_INIT')
  return new NruncError(code, message(failure), {
    field: failure.field, step: failure.op, syscall: failure.syscall, errno: errnoName(failure.errno),
    operand: failure.operand,
  })
}

const unifiedField = '/linux/resources/unified/'

function message(failure: Failure): string {
  const { op, errno, operand, detail } = failure
  const quoted = JSON.stringify(operand)
  switch (op) {
    case 'findProgram': return programMessage(failure, quoted)
    case 'execute': return `exec ${operand}: ${errnoMessage(errno)}`
    case 'hook': return `error running hook ${quoted}: ${hookCause(failure)}${detail === '' ? '' : `, output: ${detail.trim()}`}${place(failure)}`
    case 'makeCgroup':
      if (errnoName(errno) === 'EBUSY') return `container's cgroup is not empty: ${operand}${place(failure)}`
      if (errnoName(errno) === 'EDEADLK') return `container's cgroup unexpectedly frozen: ${operand}${place(failure)}`
      if (failure.syscall === 'cgroup.type') return `cannot enter cgroupv2 ${quoted} with domain controllers -- it is in threaded mode or in an invalid state`
      break
    case 'writeCgroup':
      if (failure.field.startsWith(unifiedField)) return `unable to set unified resource ${quoted}: ${failure.syscall}: ${errnoMessage(errno)}${place(failure)}`
      break
    case 'mount':
      if (failure.syscall === 'fstatfs') return `${quoted} cannot be mounted because it is inside /proc${place(failure)}`
      if (errnoName(errno) === 'ELOOP') return `filesystem must be mounted on ordinary directory: ${operand}${place(failure)}`
      break
    case 'bindMount':
    case 'makeDevice':
      if (failure.syscall === 'fstatfs') return `${quoted} cannot be mounted because it is inside /proc${place(failure)}`
      break
    case 'openMappedTree':
      if (failure.syscall === 'mount_setattr') {
        const hint = errnoName(errno) === 'EINVAL' ? " (maybe the filesystem used doesn't support idmap mounts on this kernel?)" : ''
        return `failed to set MOUNT_ATTR_IDMAP on ${quoted}: ${errnoMessage(errno)}${hint}${place(failure)}`
      }
      break
    case 'openRoot':
      if (['ENOENT', 'ENOTDIR'].includes(errnoName(errno))) return `invalid rootfs: stat ${operand}: ${errnoMessage(errno)}${place(failure)}`
      break
  }
  const subject = operand === '' ? '' : ` ${quoted}`
  const why = detail === '' ? errnoMessage(errno) : `${errnoMessage(errno)} (${detail.trim()})`
  return `cannot ${operations[op].verb}${subject}: ${failure.syscall}: ${why}${place(failure)}`
}

/** Docker and podman turn these into the exit codes 126 and 127. */
function programMessage({ errno, operand, syscall }: Failure, quoted: string): string {
  if (syscall === 'execve') return `exec: ${quoted}: executable file not found in $PATH`
  if (syscall === 'stat' && errnoName(errno) !== 'EISDIR') return `exec: ${quoted}: stat ${operand}: ${errnoMessage(errno)}`
  return `exec: ${quoted}: ${errnoMessage(errno)}`
}

function hookCause({ errno, syscall }: Failure): string {
  if (syscall === 'waitid' && errnoName(errno) === 'ETIMEDOUT') return 'timed out'
  if (syscall === 'exit') return 'exited with an error'
  if (syscall === 'signal') return 'killed by a signal'
  return errnoMessage(errno)
}

const place = ({ field }: Failure): string => (field === '' ? '' : ` (field ${field})`)
