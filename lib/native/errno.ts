/**
 * errno values -> their names and the kernel's words, and what the addon reports of a failed operation.
 */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, value]) => [value, name]))
names.set(95, 'EOPNOTSUPP')
names.set(11, 'EAGAIN')

/** `ENOENT` for 2; `E?` with the number for one that Node does not know. */
export const errnoName = (errno: number): string => names.get(errno) ?? `E${errno}`

const extra: Readonly<Record<string, string>> = {
  ELOOP: 'too many levels of symbolic links', ESTALE: 'stale file handle', EINVAL: 'invalid argument',
  EACCES: 'permission denied', EPERM: 'operation not permitted', EISDIR: 'is a directory', EBUSY: 'device or resource busy',
  ENOTDIR: 'not a directory', EEXIST: 'file exists', ENODEV: 'no such device', ENOEXEC: 'exec format error',
  ECHILD: 'no child processes', ENXIO: 'no such device or address', EFAULT: 'bad address', ENOTTY: 'inappropriate ioctl for device',
}

/** The words of strerror(3) in lower case, as the messages of other runtimes have them. */
export function errnoMessage(errno: number): string {
  return extra[errnoName(errno)] ?? getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`
}
