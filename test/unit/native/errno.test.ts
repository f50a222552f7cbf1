import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { errnoMessage, errnoName } from '../../../lib/native/errno.ts'

/** strerror(3) of what the system calls of a container's start can give; clone, mount, setns, keyctl and the like. */
const words: Readonly<Record<string, readonly [number, string]>> = {
  EPERM: [1, 'operation not permitted'], ENOENT: [2, 'no such file or directory'], ESRCH: [3, 'no such process'],
  EINTR: [4, 'interrupted system call'], EIO: [5, 'input/output error'], ENXIO: [6, 'no such device or address'],
  E2BIG: [7, 'argument list too long'], ENOEXEC: [8, 'exec format error'], EBADF: [9, 'bad file descriptor'],
  ECHILD: [10, 'no child processes'], EAGAIN: [11, 'resource temporarily unavailable'],
  ENOMEM: [12, 'cannot allocate memory'],
  EACCES: [13, 'permission denied'], EFAULT: [14, 'bad address'], ENOTBLK: [15, 'block device required'],
  EBUSY: [16, 'device or resource busy'], EEXIST: [17, 'file exists'], EXDEV: [18, 'invalid cross-device link'],
  ENODEV: [19, 'no such device'], ENOTDIR: [20, 'not a directory'], EISDIR: [21, 'is a directory'],
  EINVAL: [22, 'invalid argument'],
  ENFILE: [23, 'too many open files in system'], EMFILE: [24, 'too many open files'],
  ENOTTY: [25, 'inappropriate ioctl for device'],
  ETXTBSY: [26, 'text file busy'], EFBIG: [27, 'file too large'], ENOSPC: [28, 'no space left on device'],
  EROFS: [30, 'read-only file system'], EMLINK: [31, 'too many links'], EPIPE: [32, 'broken pipe'],
  ERANGE: [34, 'numerical result out of range'], EDEADLK: [35, 'resource deadlock avoided'],
  ENAMETOOLONG: [36, 'file name too long'],
  ENOSYS: [38, 'function not implemented'], ENOTEMPTY: [39, 'directory not empty'],
  ELOOP: [40, 'too many levels of symbolic links'],
  EPROTO: [71, 'protocol error'], EOVERFLOW: [75, 'value too large for defined data type'],
  EUSERS: [87, 'too many users'],
  EOPNOTSUPP: [95, 'operation not supported'], ECONNRESET: [104, 'connection reset by peer'],
  ETIMEDOUT: [110, 'connection timed out'],
  ECONNREFUSED: [111, 'connection refused'], ESTALE: [116, 'stale file handle'],
  EUCLEAN: [117, 'structure needs cleaning'],
  EDQUOT: [122, 'disk quota exceeded'], EMEDIUMTYPE: [124, 'wrong medium type'],
  ENOKEY: [126, 'required key not available'],
  EKEYEXPIRED: [127, 'key has expired'], EKEYREVOKED: [128, 'key has been revoked'],
  EKEYREJECTED: [129, 'key was rejected by service'],
}

test.each(Object.entries(words))('%s', (name, [errno, message]) => {
  expect([errnoName(errno), errnoMessage(errno)]).toEqual([name, message])
})

test('every name that Node knows is the name of its own number', () => {
  const aliases: Readonly<Record<string, string>> = { EWOULDBLOCK: 'EAGAIN', ENOTSUP: 'EOPNOTSUPP' }
  for (const [name, errno] of Object.entries(constants.errno)) expect(errnoName(errno)).toBe(aliases[name] ?? name)
})

test('clients look for them in lower case, and no message ends in a full stop', () => {
  for (let errno = 1; errno < 134; errno++) expect(errnoMessage(errno)).toMatch(/^[a-z](?!.*\.$)/)
})

test('a number without a name is still told', () => {
  expect([errnoName(999), errnoMessage(999)]).toEqual(['E999', 'errno 999'])
})
