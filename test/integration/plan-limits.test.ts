/**
 * Configs that are larger than anybody needs (CVE-2021-43784: a length that wrapped around), and plans that are none:
 * the end is a typed error, and nothing is left.
 */
import { expect, test } from 'vitest'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'large configs (CVE-2021-43784)', () => {
  const sandbox = useSandbox()

  test('an environment variable of 70,000 bytes arrives whole', async () => {
    const value = 'x'.repeat(70_000)
    const { stdout } = await sandbox.output(['sh', '-c', 'echo ${#LONG}; env | wc -c'], ({ process }) =>
      process.env.push(`LONG=${value}`),
    )
    expect(Number(stdout.split('\n')[0])).toBe(70_000)
  })

  test('a thousand variables of 1,000 bytes arrive whole', async () => {
    const { stdout } = await sandbox.output(['sh', '-c', 'env | grep -c ^V'], ({ process }) => {
      for (let number = 0; number < 1000; number++) process.env.push(`V${number}=${'x'.repeat(1000)}`)
    })
    expect(stdout).toBe('1000\n')
  })

  test('arguments of 1 MB in all arrive whole', async () => {
    const words = Array.from({ length: 16 }, (_, number) => String(number % 10).repeat(65_536))
    const { stdout } = await sandbox.output(['sh', '-c', 'echo $#; printf %s "$@" | wc -c', 'sh', ...words])
    expect(stdout).toBe(`16\n${16 * 65_536}\n`)
  })

  test.each([
    ['one argument of 1 MB', { args: ['echo', 'x'.repeat(1 << 20)] }],
    [
      'an environment of 16 MB',
      { env: Array.from({ length: 160 }, (_, number) => `V${number}=${'x'.repeat(100_000)}`) },
    ],
  ])('%s is more than the kernel takes', async (_name, change) => {
    const error = await leavesNothing(sandbox, () =>
      rejection(
        sandbox.run(['/bin/echo'], ({ process }) => {
          Object.assign(process, change)
        }),
      ),
    )
    expect([error.code, error.field, error.errno]).toEqual(['ERR_PROGRAM', '/process/args', 'E2BIG'])
    expect(error.message).toContain('argument list too long')
  })

  test('a plan of more than 64 MB', async () => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.run(['/bin/echo'], ({ process }) => {
      process.env = Array.from({ length: 700 }, (_, number) => `V${number}=${'x'.repeat(100_000)}`)
    })))
    expect([error.code, error.errno]).toEqual(['ERR_STATE_INVALID', 'E2BIG'])
  })

  test('5,000 id mappings', async () => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.create(['true'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = Array.from({ length: 5000 }, (_, number) => ({
        containerID: number,
        hostID: 100_000 + 2 * number,
        size: 1,
      }))
      linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
    })))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', '/linux/uidMappings'])
  })

  test('340 id mappings, the most that the kernel takes', async () => {
    // Short numbers: the text of a map has to fit in a page as well.
    const many = () =>
      Array.from({ length: 340 }, (_, number) => ({ containerID: number, hostID: 1000 + 2 * number, size: 1 }))
    const { stdout } = await sandbox.output(['sh', '-c', 'wc -l < /proc/self/uid_map'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      Object.assign(linux, { uidMappings: many(), gidMappings: many() })
    })
    expect(stdout).toBe('340\n')
  })

  test('10,000 mounts: all of them, or the kernel\'s limit as an error', async () => {
    const ended = await leavesNothing(sandbox, () =>
      sandbox
        .output(['sh', '-c', 'grep -c " /tmp " /proc/self/mountinfo'], ({ mounts }) => {
          for (let number = 0; number < 10_000; number++)
            mounts.push({ destination: '/tmp', type: 'none', source: '/etc', options: ['bind', 'ro'] })
        })
        .catch((error: unknown) => error),
    )
    expect([
      { code: 0, signal: null, stdout: '10000\n', stderr: '' },
      expect.objectContaining({ code: 'ERR_INIT', errno: 'ENOSPC' }),
    ]).toContainEqual(ended)
  })

  test.each([
    ['a namespace path', '/linux/namespaces/0/path', 'ENAMETOOLONG', 70_000],
    ['a mount destination', '/mounts/7', 'ENAMETOOLONG', 70_000],
    ['a device path', '/linux/devices/0', 'ENAMETOOLONG', 70_000],
    ['a masked path', '/linux/maskedPaths/0', 'ENAMETOOLONG', 70_000],
    ['a working directory', '/process/cwd', 'ENAMETOOLONG', 70_000],
    ['a command', '/process/args/0', 'ENAMETOOLONG', 70_000],
  ])('%s of 70,000 bytes', async (_name, field, errno, length) => {
    const path = `/${'a/'.repeat(length / 2)}`.slice(0, -1)
    const error = await leavesNothing(sandbox, () => rejection(sandbox.create(['true'], (spec) => {
      if (field.startsWith('/linux/namespaces')) spec.linux.namespaces[0]!.path = path
      if (field.startsWith('/mounts')) spec.mounts.push({ destination: path, type: 'tmpfs', source: 'tmpfs' })
      if (field.startsWith('/linux/devices')) spec.linux.devices = [{ path, type: 'c', major: 1, minor: 3 }]
      if (field.startsWith('/linux/masked')) spec.linux.maskedPaths = [path]
      if (field === '/process/cwd') spec.process.cwd = path
      if (field === '/process/args/0') spec.process.args = [path]
    })))
    expect([error.field, error.errno]).toEqual([field, errno])
  })

  test('a state of 4 MB goes to the hooks whole', async () => {
    const made = await sandbox.run(['sleep', '1000'], (spec) => {
      spec.annotations = { large: 'x'.repeat(4 << 20) }
      const hook = { path: '/bin/sh', args: ['sh', '-c', `[ $(cat | wc -c) -gt ${4 << 20} ]`] }
      spec.hooks = {
        createRuntime: [hook],
        createContainer: [hook],
        startContainer: [hook],
        poststart: [hook],
        poststop: [hook],
      }
    })
    expect((await made.state()).status).toBe('running')
    const added = await made.exec({ args: ['echo', 'here'] })
    expect((await end(added)).stdout).toBe('here\n')
  })
})
