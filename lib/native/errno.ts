/**
 * errno values -> their names and the kernel's words. Source: errno(3), strerror(3).
 */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** What Node does not know, calls by another name, or has other words for. */
const own: Readonly<Record<number, readonly [name: string, words: string]>> = {
  1: ['EPERM', 'operation not permitted'], 5: ['EIO', 'input/output error'], 6: ['ENXIO', 'no such device or address'],
  8: ['ENOEXEC', 'exec format error'], 10: ['ECHILD', 'no child processes'],
  11: ['EAGAIN', 'resource temporarily unavailable'],
  12: ['ENOMEM', 'cannot allocate memory'], 13: ['EACCES', 'permission denied'], 14: ['EFAULT', 'bad address'],
  15: ['ENOTBLK', 'block device required'], 16: ['EBUSY', 'device or resource busy'], 17: ['EEXIST', 'file exists'],
  18: ['EXDEV', 'invalid cross-device link'], 19: ['ENODEV', 'no such device'], 20: ['ENOTDIR', 'not a directory'],
  21: ['EISDIR', 'is a directory'], 22: ['EINVAL', 'invalid argument'], 23: ['ENFILE', 'too many open files in system'],
  25: ['ENOTTY', 'inappropriate ioctl for device'], 26: ['ETXTBSY', 'text file busy'], 29: ['ESPIPE', 'illegal seek'],
  33: ['EDOM', 'numerical argument out of domain'], 34: ['ERANGE', 'numerical result out of range'],
  35: ['EDEADLK', 'resource deadlock avoided'], 36: ['ENAMETOOLONG', 'file name too long'],
  37: ['ENOLCK', 'no locks available'],
  40: ['ELOOP', 'too many levels of symbolic links'], 74: ['EBADMSG', 'bad message'], 87: ['EUSERS', 'too many users'],
  95: ['EOPNOTSUPP', 'operation not supported'], 106: ['EISCONN', 'transport endpoint is already connected'],
  107: ['ENOTCONN', 'transport endpoint is not connected'], 113: ['EHOSTUNREACH', 'no route to host'],
  114: ['EALREADY', 'operation already in progress'], 115: ['EINPROGRESS', 'operation now in progress'],
  116: ['ESTALE', 'stale file handle'], 117: ['EUCLEAN', 'structure needs cleaning'],
  121: ['EREMOTEIO', 'remote I/O error'],
  122: ['EDQUOT', 'disk quota exceeded'], 123: ['ENOMEDIUM', 'no medium found'],
  124: ['EMEDIUMTYPE', 'wrong medium type'],
  126: ['ENOKEY', 'required key not available'], 127: ['EKEYEXPIRED', 'key has expired'],
  128: ['EKEYREVOKED', 'key has been revoked'], 129: ['EKEYREJECTED', 'key was rejected by service'],
}

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, value]) => [value, name]))

/** `ENOENT` for 2; `E` with the number for one that has no name here. */
export const errnoName = (errno: number): string => own[errno]?.[0] ?? names.get(errno) ?? `E${errno}`

/** The words of strerror(3) in lower case, as the messages of other runtimes have them. */
export function errnoMessage(errno: number): string {
  return own[errno]?.[1] ?? getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`
}

/** What has run out or been disturbed here, and says nothing about what was asked for. */
export const isShortage = (name: string | undefined): boolean => ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EINTR', 'EIO'].includes(name ?? '')
