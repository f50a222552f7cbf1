import { expect, test } from 'vitest'
import { parseMountInfo, reachableMounts } from '../../../lib/cgroup/mountinfo.ts'

const all = ['ext4', 'tmpfs', 'sysfs', 'cgroup2']
const reachable = (text: string, types = all): number[] => reachableMounts(parseMountInfo(text), types).map(({ id }) => id)

test('reads the fields, with optional ones and octal escapes', () => {
  const [mount] = parseMountInfo(
    '36 35 98:0 /a\\040b /mnt/x\\134y rw,noatime shared:1 master:2 - cgroup src rw,memory\n')
  expect(mount).toEqual({
    id: 36, parent: 35, root: '/a b', mountpoint: '/mnt/x\\y', type: 'cgroup', superOptions: ['rw', 'memory'],
  })
})

test('leaves out lines that are not of its form', () => {
  expect(parseMountInfo('\n36 35 98:0 / /mnt rw\ngarbage - ext4\n')).toEqual([])
})

test('a mount on top of another hides it', () => {
  expect(reachable(`1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a rw - tmpfs a rw
3 2 0:3 / /a rw - tmpfs b rw`)).toEqual([1, 3])
})

test('a mount on a directory above hides what is below', () => {
  expect(reachable(`1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a rw - tmpfs a rw
3 2 0:3 / /a/b/c rw - tmpfs b rw
4 2 0:4 / /a/b rw - tmpfs c rw`)).toEqual([1, 2, 4])
})

test('a parent that comes later in the list does not hide its children', () => {
  expect(reachable(`2 9 0:2 / /sys rw - sysfs a rw
3 2 0:3 / /sys/fs rw - tmpfs b rw
9 1 0:1 / / rw - ext4 a rw`)).toEqual([2, 3, 9])
})

test('mounts are found where the root directory is not a mount point', () => {
  expect(reachable('5 4 0:2 / /sys rw - sysfs a rw\n6 5 0:3 / /sys/fs/cgroup rw - cgroup2 b rw')).toEqual([5, 6])
})

test('only mounts of the types that are asked for are given; others still hide them', () => {
  expect(reachable(`1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a rw - cgroup2 a rw
3 1 0:3 / /b rw - cgroup2 b rw
4 3 0:4 / /b rw - tmpfs c rw`, ['cgroup2'])).toEqual([2])
})

test('an id that was given away again while the file was read makes no endless way', () => {
  expect(reachable(`1 0 0:1 / / rw - ext4 a rw
3 1 0:2 / /a rw - tmpfs a rw
4 3 0:3 / /a rw - tmpfs b rw
3 4 0:4 / /a rw - tmpfs c rw`)).toEqual([1, 3])
})
