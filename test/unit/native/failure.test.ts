import { describe, expect, test } from 'vitest'
import { failureError } from '../../../lib/native/failure.ts'
import { operations, type OperationName } from '../../../lib/plan/operations.ts'
import { report, type Report } from './report.ts'

const failed = (one: Report) => failureError(report(one))
const EPERM = 1, ENOENT = 2, ENOEXEC = 8, EACCES = 13, EBUSY = 16, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
  ELOOP = 40, EPROTO = 71, ETIMEDOUT = 110, ECHILD = 10

test('every part of a report is in the error', () => {
  expect(failed({ op: 'mount', errno: ENODEV, field: '/mounts/3', syscall: 'mount', operand: '/dätä' })).toMatchObject({
    name: 'NruncError', code: 'ERR_INIT', step: 'mount', field: '/mounts/3', syscall: 'mount', errno: 'ENODEV',
    operand: '/dätä',
    message: 'cannot mount "/dätä": mount: no such device (field /mounts/3)', problems: [],
  })
})

describe('the common form: verb, operand, system call, cause, field', () => {
  const others = Object.entries(operations).filter(([name]) => !['findProgram', 'execute', 'hook'].includes(name))
  test.each(others)('%s', (name, { verb }) => {
    const op = name as OperationName
    expect(failed({ op, errno: EPERM, field: '/a/0', syscall: 'some_call', operand: '/x "y"' }).message)
      .toBe(`cannot ${verb} "/x \\"y\\"": some_call: operation not permitted (field /a/0)`)
    expect(failed({ op, errno: EPERM, syscall: 'some_call' }).message)
      .toBe(`cannot ${verb}: some_call: operation not permitted`)
  })

  test('what a helper program wrote is told too', () => {
    expect(failed({
      op: 'mapIds', errno: EPERM, field: '/linux/uidMappings', syscall: 'newuidmap', operand: '/usr/bin/newuidmap',
      detail: 'newuidmap: not allowed\n',
    }).message).toBe('cannot map the ids of the user namespace "/usr/bin/newuidmap": newuidmap: '
      + 'operation not permitted (newuidmap: not allowed) (field /linux/uidMappings)')
  })
})

describe('the program: docker and podman look for these words, case-sensitively', () => {
  test('a name that is nowhere in PATH: exit code 127', () => {
    expect(failed({
      op: 'findProgram', errno: ENOENT, field: '/process/args/0', syscall: 'execve', operand: 'nosuch',
    })).toMatchObject({
      code: 'ERR_PROGRAM', message: 'exec: "nosuch": executable file not found in $PATH', field: '/process/args/0',
      errno: 'ENOENT', operand: 'nosuch',
    })
  })

  test('a path that does not exist: exit code 127', () => {
    expect(failed({ op: 'findProgram', errno: ENOENT, syscall: 'stat', operand: '/no/such' }).message)
      .toBe('exec: "/no/such": stat /no/such: no such file or directory')
  })

  test('a file that may not be executed: exit code 126', () => {
    expect(failed({ op: 'findProgram', errno: EACCES, syscall: 'faccessat2', operand: '/etc/passwd' }).message)
      .toBe('exec: "/etc/passwd": permission denied')
    expect(failed({ op: 'findProgram', errno: EACCES, syscall: 'stat', operand: '/root/x' }).message)
      .toBe('exec: "/root/x": stat /root/x: permission denied')
  })

  test('a directory: exit code 126', () => {
    expect(failed({ op: 'findProgram', errno: EISDIR, syscall: 'stat', operand: '/etc' }).message)
      .toBe('exec: "/etc": is a directory')
  })

  test('below a file', () => {
    expect(failed({ op: 'findProgram', errno: ENOTDIR, syscall: 'stat', operand: '/etc/passwd/x' }).message)
      .toBe('exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory')
  })

  test('what execve itself refuses', () => {
    const executed = (errno: number) => failed({
      op: 'execute', errno, field: '/process/args', syscall: 'execve', operand: '/bin/x',
    })
    expect(executed(ENOEXEC)).toMatchObject({ code: 'ERR_PROGRAM', message: 'exec /bin/x: exec format error' })
    expect(executed(ENOENT).message).toBe('exec /bin/x: no such file or directory') // of its interpreter
    expect(executed(EACCES).message).toBe('exec /bin/x: permission denied')
  })
})

describe('hooks', () => {
  const hook = (one: Partial<Report>) => failed({
    op: 'hook', errno: ECHILD, field: '/hooks/createContainer/1', operand: '/h', ...one,
  })
  const end = ' (field /hooks/createContainer/1)'

  test.each<[Partial<Report>, string]>([
    [{ syscall: 'exit' }, 'exited with an error'], [{ syscall: 'signal' }, 'killed by a signal'],
    [{ syscall: 'waitid', errno: ETIMEDOUT }, 'timed out'],
    [{ syscall: 'execve', errno: ENOENT }, 'no such file or directory'],
    [{ syscall: 'execve', errno: EACCES }, 'permission denied'],
    [{ syscall: 'waitid', errno: EINVAL }, 'invalid argument'],
  ])('%j', (one, cause) => {
    expect(hook(one)).toMatchObject({
      code: 'ERR_HOOK', step: 'hook', field: '/hooks/createContainer/1',
      message: `error running hook "/h": ${cause}${end}`,
    })
  })

  test('what it wrote is told, without the white space around it', () => {
    expect(hook({ syscall: 'exit', detail: ' no disk\nsorry\n' }).message)
      .toBe(`error running hook "/h": exited with an error, output: no disk\nsorry${end}`)
  })
})

describe('words of runc for what has a name', () => {
  test('a cgroup with processes', () => {
    expect(failed({
      op: 'makeCgroup', errno: EBUSY, field: '/linux/cgroupsPath', syscall: 'mkdirat', operand: '/sys/fs/cgroup/cpu/a',
    })).toMatchObject({
      code: 'ERR_CGROUP', message: 'container\'s cgroup is not empty: /sys/fs/cgroup/cpu/a (field /linux/cgroupsPath)',
    })
    expect(failed({ op: 'makeCgroup', errno: 95, syscall: 'cgroup.type', operand: '/a' }).message).toBe(
      'cannot enter cgroupv2 "/a" with domain controllers -- it is in threaded mode or in an invalid state')
    expect(failed({ op: 'makeCgroup', errno: EACCES, syscall: 'mkdirat', operand: '/a' }).message)
      .toBe('cannot create cgroup "/a": mkdirat: permission denied')
  })

  test('CVE-2023-27561: /proc behind a link', () => {
    expect(failed({ op: 'mount', errno: ELOOP, field: '/mounts/0', syscall: 'openat2', operand: '/proc' }).message)
      .toBe('filesystem must be mounted on ordinary directory: /proc (field /mounts/0)')
    expect(failed({ op: 'bindMount', errno: ELOOP, field: '/mounts/0', syscall: 'openat2', operand: '/a' }).message)
      .toBe('cannot mount "/a": openat2: too many levels of symbolic links (field /mounts/0)')
  })

  test('a root that is not there, or no directory', () => {
    const prepared = (errno: number) =>
      failed({ op: 'openRoot', errno, field: '/root/path', syscall: 'openat', operand: '/b/rootfs' })
    expect(prepared(ENOENT).message)
      .toBe('invalid rootfs: stat /b/rootfs: no such file or directory (field /root/path)')
    expect(prepared(ENOTDIR).message)
      .toBe('invalid rootfs: stat /b/rootfs: not a directory (field /root/path)')
    expect(prepared(EACCES).message)
      .toBe('cannot prepare rootfs "/b/rootfs": openat: permission denied (field /root/path)')
  })

  test('a step that the host and init share is one', () => {
    const steps = [['openTree', '/root/path'], ['attachRoot', '/root/path'], ['openTree', '/mounts/1']] as const
    expect(steps.map(([op, field]) => failed({ op, errno: ENOENT, field, syscall: 'open_tree', operand: '/a' }))).toMatchObject([
      { step: 'openRoot', message: 'invalid rootfs: stat /a: no such file or directory (field /root/path)' },
      { step: 'openRoot', message: 'invalid rootfs: stat /a: no such file or directory (field /root/path)' },
      { step: 'bindMount', message: 'cannot mount "/a": open_tree: no such file or directory (field /mounts/1)' },
    ])
  })

  test('ids that cannot be mapped, with the most likely cause', () => {
    const error = { op: 'openMappedTree', field: '/mounts/9', syscall: 'mount_setattr', operand: '/a' } as const
    const words = 'failed to set MOUNT_ATTR_IDMAP on "/a": '
    expect(failed({ ...error, errno: EINVAL }).message)
      .toBe(`${words}invalid argument (maybe the filesystem used doesn't support idmap mounts on this kernel?) (field /mounts/9)`)
    expect(failed({ ...error, errno: EACCES }).message).toBe(`${words}permission denied (field /mounts/9)`)
  })

  test('docker adds its hint where a file is mounted on a directory', () => {
    expect(failed({ op: 'bindMount', errno: ENOTDIR, field: '/mounts/9', syscall: 'move_mount', operand: '/a' }).message)
      .toBe('cannot mount "/a": move_mount: not a directory (field /mounts/9)')
  })
})

describe('codes', () => {
  const expected: Partial<Record<OperationName, string>> = {
    makeCgroup: 'ERR_CGROUP', writeCgroup: 'ERR_CGROUP', attachDeviceProgram: 'ERR_CGROUP', joinCgroup: 'ERR_CGROUP', delegateCgroup: 'ERR_CGROUP', adoptCgroup: 'ERR_CGROUP',
    hook: 'ERR_HOOK', findProgram: 'ERR_PROGRAM', execute: 'ERR_PROGRAM', openDescriptor: 'ERR_HOST', clone: 'ERR_HOST',
    mapIds: 'ERR_HOST', adjustOomScore: 'ERR_HOST', moveNetDevice: 'ERR_HOST', openMappedTree: 'ERR_HOST', prepareResctrl: 'ERR_HOST', stageState: 'ERR_STATE_INVALID',
  }
  test.each(Object.keys(operations) as OperationName[])('%s', (op) => {
    expect(failed({ op, errno: EINVAL }).code).toBe(expected[op] ?? 'ERR_INIT')
  })
})

describe('reports that are not whole', () => {
  test('a failure before the first operation is one of the clone', () => {
    expect(failed({ op: 0, errno: EPROTO, syscall: 'read', operand: 'plan' })).toMatchObject({
      code: 'ERR_HOST', step: 'clone', message: 'cannot clone "plan": read: protocol error',
    })
  })

  test('one that is cut anywhere is an error, and not an exception of its own', () => {
    const whole = report({
      op: 'mount', errno: ENODEV, field: '/mounts/3', syscall: 'mount', operand: '/data', detail: 'why',
    })
    for (let size = 0; size < whole.length; size++) {
      expect(failureError(whole.subarray(0, size)).name).toBe('NruncError')
    }
    expect(failureError(whole.subarray(0, 12)).step).toBe('mount')
  })

  test('nor are lengths that are too large', () => {
    const broken = report({ op: 'mount', errno: ENODEV, field: '/mounts/3', syscall: 'mount' })
    broken.writeUInt32LE(0xffffffff, 12)
    expect(failureError(broken)).toMatchObject({ step: 'mount', errno: 'ENODEV' })
  })
})
