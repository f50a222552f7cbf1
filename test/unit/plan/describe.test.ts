import { describe, expect, test } from 'vitest'
import { describeOperation, slotNames } from '../../../lib/plan/describe.ts'
import { NO_SLOT, type Operation } from '../../../lib/plan/operations.ts'

test.each<[Operation, string]>([
  [{ op: 'newSession', field: '' }, 'start a session'],
  [{ op: 'umask', field: '/process/user/umask', mask: 0o27 }, 'set umask mask=027 (/process/user/umask)'],
  [{ op: 'umask', field: '', mask: 0 }, 'set umask mask=00'],
  [{ op: 'makeCgroup', field: '', root: '/c', path: '/c/x', controllers: '+cpu', cpuset: 0, unified: 0 } as Operation,
    'create cgroup "/c/x" root="/c" controllers="+cpu"'],
  [{ op: 'clone', field: '', flags: 0x20020000, cgroup: '', bare: 0 }, 'clone flags=mount|pid'],
  [{ op: 'openDescriptor', field: '', path: '/p', flags: 1, type: 0x40000000 }, 'open "/p" flags=O_WRONLY type=network'],
  [{ op: 'rlimit', field: '', resource: 7, name: 'RLIMIT_NOFILE', soft: 0, hard: 18446744073709551615n },
    'set rlimit "RLIMIT_NOFILE" resource=7 soft=0 hard=unlimited'],
  [{ op: 'setCapabilities', field: '', effective: 1n << 5n, permitted: 1n << 63n, inheritable: 0n, ambient: 0n, untilExec: 0n },
    'set capabilities effective=CAP_KILL permitted=0x8000000000000000'],
  [{
    op: 'bindMount', field: '/mounts/0', destination: '/d', source: '/s', tree: NO_SLOT, recursive: 1, set: 0x21, clear: 0x70, recursiveSet: 0,
    recursiveClear: 0, propagation: [0x84000, 0x100000], allowProc: 0,
  }, 'mount "/d" source="/s" recursive=1 set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_STRICTATIME clear=MOUNT_ATTR_ATIME '
    + 'propagation=MS_REC|MS_SLAVE,MS_SHARED (/mounts/0)'],
  [{ op: 'memoryPolicy', field: '', mode: 0x8002, nodes: Buffer.from([1]) }, 'set the memory policy mode=32770 nodes=1 bytes'],
  [{ op: 'execute', field: '/process/args', args: ['a "b"'], env: [], home: 1, uid: 0 },
    'exec args=["a \\"b\\""] home=1 uid=0 (/process/args)'],
])('%#', (operation, text) => {
  expect(describeOperation(operation, [])).toBe(text)
})

describe('slots', () => {
  const host: Operation[] = [
    { op: 'openDescriptor', field: '', path: '/proc/7/ns/net', flags: 0, type: 0 }, { op: 'clone', field: '', flags: 0, cgroup: '', bare: 0 },
  ]

  test('are called by what they hold', () => {
    const slots = slotNames(['stdin'], host)
    expect(slots).toEqual(['stdin', '/proc/7/ns/net'])
    const tree = {
      op: 'openMappedTree', field: '', source: '/data', recursive: 0, propagation: 0, recursiveMap: 0, userNamespace: '', uidMap: '', gidMap: '',
    } as const
    expect(slotNames(['stdin'], [tree, ...host])).toEqual(['stdin', '/data', '/proc/7/ns/net'])
    expect(describeOperation({ op: 'stdio', field: '', input: 0, output: 1, error: 2 }, slots))
      .toBe('set up stdio input=stdin output=/proc/7/ns/net error=#2')
  })

  test('are not shown where there is none', () => {
    expect(describeOperation({ op: 'awaitStart', field: '', fifo: NO_SLOT }, [])).toBe('wait for start')
  })
})
