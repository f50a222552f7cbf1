import { describe, expect, test } from 'vitest'
import type { Device } from '../../../lib/spec/schema.ts'
import { all, planOf } from './samples.ts'

const userNamespace = {
  '/linux/namespaces': [{ type: 'mount' }, { type: 'user' }, { type: 'uts' }],
  '/linux/uidMappings': [{ containerID: 0, hostID: 100000, size: 65536 }],
  '/linux/gidMappings': [{ containerID: 0, hostID: 100000, size: 65536 }],
}
const devicesOf = (devices: Device[], more = {}) => all(
  planOf({ '/linux/devices': devices, ...more }).init, 'makeDevice',
)
const made = (device: Device) => devicesOf([device]).find(({ path }) => path === device.path)

describe('default devices', () => {
  test('are those of the specification, for everybody to read and write', () => {
    expect(devicesOf([]).map(({ path, major, minor, mode, uid, gid, bind, field }) =>
      `${path} ${major}:${minor} ${mode.toString(8)} ${uid}:${gid} ${bind} ${field}`)).toEqual([
      '/dev/null 1:3 20666 0:0 0 ', '/dev/random 1:8 20666 0:0 0 ', '/dev/full 1:7 20666 0:0 0 ',
      '/dev/tty 5:0 20666 0:0 0 ',
      '/dev/zero 1:5 20666 0:0 0 ', '/dev/urandom 1:9 20666 0:0 0 ',
    ])
  })

  test('one that the config has too is the config\'s', () => {
    const list = devicesOf([{ type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o600 }])
    expect(list.filter(({ path }) => path === '/dev/null')).toMatchObject([{
      field: '/linux/devices/0', mode: 0o020600,
    }])
    expect(list).toHaveLength(6)
  })

  test('links come last, and only ptmx replaces what is there', () => {
    const made = all(planOf({ '/mounts': [] }).init, 'makeSymlink')
    expect(made.map(({ path, target, replace }) => [path, target, replace])).toEqual([
      ['/dev/fd', '/proc/self/fd', 0], ['/dev/stdin', '/proc/self/fd/0', 0], ['/dev/stdout', '/proc/self/fd/1', 0],
      ['/dev/stderr', '/proc/self/fd/2', 0], ['/dev/ptmx', 'pts/ptmx', 1],
    ])
  })
})

describe('devices of the config', () => {
  test.each<[Device, object]>([
    [
      { type: 'c', path: '/dev/fuse', major: 10, minor: 229 },
      { mode: 0o020666, major: 10, minor: 229, uid: 0, gid: 0 },
    ],
    [{ type: 'u', path: '/dev/u', major: 1, minor: 2 }, { mode: 0o020666 }],
    [
      { type: 'b', path: '/dev/sda', major: 8, minor: 0, fileMode: 0o660, uid: 1, gid: 6 },
      { mode: 0o060660, uid: 1, gid: 6 },
    ],
    [{ type: 'p', path: '/dev/queue', fileMode: 0o600 }, { mode: 0o010600, major: 0, minor: 0 }],
    // Docker sends the type of the file with its permissions.
    [{ type: 'c', path: '/dev/x', major: 1, minor: 1, fileMode: 0o020640 }, { mode: 0o020640 }],
    [{ type: 'b', path: '/dev/y', major: 1, minor: 1, fileMode: 0o104755 }, { mode: 0o064755 }],
    [{ type: 'c', path: '/dev/z', major: 1, minor: 1, fileMode: 0 }, { mode: 0o020000 }],
  ])('%j', (device, expected) => {
    expect(made(device)).toMatchObject(expected)
  })

  test('each has the pointer of its entry', () => {
    const list = devicesOf([{ type: 'p', path: '/dev/a' }, { type: 'p', path: '/dev/b' }])
    expect(list.slice(-2).map(({ path, field }) => [path, field])).toEqual([
      ['/dev/a', '/linux/devices/0'], ['/dev/b', '/linux/devices/1'],
    ])
  })

  test('but for a FIFO, which anybody may make', () => {
    const list = devicesOf([{ type: 'p', path: '/dev/pipe' }, { type: 'b', path: '/dev/x', major: 8, minor: 0 }], userNamespace)
    expect(list.slice(-2).map(({ bind }) => bind)).toEqual([0, 1])
  })

  test('in a user namespace, which may not mknod, all are bound', () => {
    const list = devicesOf([{ type: 'c', path: '/dev/fuse', major: 10, minor: 229 }], userNamespace)
    expect(list.map(({ bind }) => bind)).toEqual([1, 1, 1, 1, 1, 1, 1])
  })
})
