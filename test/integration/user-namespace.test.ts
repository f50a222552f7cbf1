/**
 * Containers with a user namespace that root makes: the maps are written directly. Source: runtime-spec config-linux.md
 * "User namespace mappings", user_namespaces(7).
 */
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf } from '../helpers/host.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { bitsOf, parseProbe } from '../helpers/probe.ts'

const first = 100_000

const mapped = (change?: (spec: TestSpec) => void) => (spec: TestSpec): void => {
  spec.linux.namespaces.push({ type: 'user' })
  spec.linux.uidMappings = [{ containerID: 0, hostID: first, size: 65536 }]
  spec.linux.gidMappings = [{ containerID: 0, hostID: first + 1, size: 65536 }]
  change?.(spec)
}

describeWith([...container, 'compiler', 'userNamespaces'], 'a user namespace', () => {
  const sandbox = useSandbox()

  test('a filter of system calls, with and without no_new_privs', async () => {
    for (const noNewPrivileges of [true, false]) {
      const { stdout } = await sandbox.output(['probe'], mapped(({ process, linux }) => {
        process.noNewPrivileges = noNewPrivileges
        linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['swapon'], action: 'SCMP_ACT_ERRNO' }] }
      }))
      expect(parseProbe(stdout).status).toMatchObject({ Seccomp: '2', NoNewPrivs: noNewPrivileges ? '1' : '0' })
    }
  })

  const shell = async (script: string, change?: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], mapped(change))
    expect(stderr).toBe('')
    return stdout
  }

  test('is a new one, with the maps of the spec', async () => {
    const maps = await shell('cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups')
    expect(
      maps
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/).join(' ')),
    ).toEqual([`0 ${first} 65536`, `0 ${first + 1} 65536`, 'allow'])
    const { namespaces } = parseProbe((await sandbox.output(['probe'], mapped())).stdout)
    for (const [name, target] of Object.entries(namespaces)) {
      const shared = ['cgroup', 'time'].includes(name)
      expect(target === linkOf(`/proc/self/ns/${name}`), name).toBe(shared)
    }
  })

  test('root inside is an ordinary user outside', async () => {
    const made = await sandbox.run(['sleep', '1000'], mapped())
    const status = readFileSync(`/proc/${made.pid}/status`, 'latin1')
    expect(/^Uid:\t(.*)$/m.exec(status)?.[1]).toBe(Array(4).fill(first).join('\t'))
    expect(/^Gid:\t(.*)$/m.exec(status)?.[1]).toBe(Array(4).fill(first + 1).join('\t'))
    const { status: inside } = parseProbe((await end(await made.exec({ args: ['probe'] }))).stdout)
    expect([inside['Uid'], inside['Gid']]).toEqual(['0\t0\t0\t0', '0\t0\t0\t0'])
  })

  test('user and groups of the spec are the container\'s ids', async () => {
    const made = await sandbox.run(
      ['sleep', '1000'],
      mapped(({ process }) => {
        process.user = { uid: 1000, gid: 1001, additionalGids: [5] }
      }),
    )
    const status = readFileSync(`/proc/${made.pid}/status`, 'latin1')
    expect(/^Uid:\t(\d+)/m.exec(status)?.[1]).toBe(String(first + 1000))
    expect(/^Groups:\t(.*?)\s*$/m.exec(status)?.[1]).toBe(String(first + 1 + 5))
  })

  test('the capabilities are those of the spec, with none left from the way in', async () => {
    const { status } = parseProbe((await sandbox.output(['probe'], mapped())).stdout)
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => bitsOf(status[name])))
      .toEqual([[], [5, 10, 29], [5, 10, 29], [5, 10, 29], []])
  })

  test('the default devices are the host\'s nodes, bound', async () => {
    const mounts = parseMountTable(await shell('cat /proc/self/mountinfo'))
    const bound = mounts.filter(({ path }) => /^\/dev\/(null|zero|full|random|urandom|tty)$/.test(path))
    expect(bound.map(({ path }) => path).sort()).toEqual([
      '/dev/full',
      '/dev/null',
      '/dev/random',
      '/dev/tty',
      '/dev/urandom',
      '/dev/zero',
    ])
    expect(await shell('stat -c "%F %t:%T" /dev/null; echo lost > /dev/null; head -c 2 /dev/zero | wc -c')).toBe(
      'character special file 1:3\n2\n',
    )
  })

  test('linux.devices: the host\'s node of this number, bound; a FIFO, made', async () => {
    const made = await shell('stat -c "%F %t:%T %a %u" /dev/tty /dev/pipe', ({ linux }) => {
      linux.devices = [
        { path: '/dev/tty', type: 'c', major: 5, minor: 0 }, { path: '/dev/pipe', type: 'p', fileMode: 0o640, uid: 5 },
      ]
    })
    expect(made).toMatch(/^character special file 5:0 \d+ \d+\nfifo 0:0 640 5\n$/)
    const error = await rejection(sandbox.create(['true'], mapped(({ linux }) => {
      linux.devices = [{ path: '/dev/tty', type: 'c', major: 5, minor: 1 }]
    })))
    expect(error).toMatchObject({ field: '/linux/devices/0', step: 'makeDevice', errno: 'ENODEV', operand: '/dev/tty' })
  })

  test('the other mounts of the default spec are there', async () => {
    const mounts = parseMountTable(await shell('cat /proc/self/mountinfo'))
    const types = Object.fromEntries(mounts.map(({ path, type }) => [path, type]))
    expect(types).toMatchObject({
      '/proc': 'proc',
      '/dev': 'tmpfs',
      '/dev/pts': 'devpts',
      '/dev/shm': 'tmpfs',
      '/dev/mqueue': 'mqueue',
      '/sys': 'sysfs',
    })
    expect(mounts.find(({ path }) => path === '/')?.options).toContain('ro')
  })

  test('files that it writes belong to the mapped user', async () => {
    const rootfs = sandbox.rootfs()
    chownTree(rootfs)
    await sandbox.output(
      ['sh', '-c', 'echo data > /root/new; chown 7:8 /root/new; mkdir /root/directory'],
      mapped((spec) => {
        spec.root = { path: rootfs, readonly: false }
        const rights = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER']
        spec.process.capabilities = { bounding: rights, permitted: rights, effective: rights }
      }),
    )
    const owner = (path: string) => { const { uid, gid } = statSync(join(rootfs, path)); return [uid, gid] }
    expect([owner('root/new'), owner('root/directory')]).toEqual([[first + 7, first + 1 + 8], [first, first + 1]])
  })

  test('a cgroup namespace with it is its own', async () => {
    const lines = (await shell('cat /proc/self/cgroup', ({ linux }) => linux.namespaces.push({ type: 'cgroup' })))
      .trim()
      .split('\n')
    expect(lines.map((line) => line.split(':')[2])).toContain('/')
    expect(lines.join()).not.toContain('/nrunc-test')
  })

  test('a namespace of another container, joined with its user namespace', async () => {
    const made = await sandbox.run(['sleep', '1000'], mapped())
    const { stdout } = await sandbox.output(['probe'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'network')
      linux.namespaces.push(
        { type: 'user', path: `/proc/${made.pid}/ns/user` },
        { type: 'network', path: `/proc/${made.pid}/ns/net` },
      )
    })
    const { namespaces, status, pid } = parseProbe(stdout)
    for (const name of ['user', 'net']) expect(namespaces[name], name).toBe(linkOf(`/proc/${made.pid}/ns/${name}`))
    for (const name of ['mnt', 'ipc', 'uts', 'pid'])
      expect(namespaces[name], name).not.toBe(linkOf(`/proc/${made.pid}/ns/${name}`))
    expect([status['Uid'], pid]).toEqual(['0\t0\t0\t0', 1])
  })

  test.each(['network', 'ipc', 'uts',
    'pid'] as const)('a new one beside a joined %s namespace of the host\'s user namespace', async (type) => {
    const other = await sandbox.run(['sleep', '1000'])
    const file = type === 'network' ? 'net' : type
    const change = mapped((spec) => {
      const { linux, mounts } = spec
      linux.namespaces = linux.namespaces.filter((one) => one.type !== type)
      linux.namespaces.push({ type, path: `/proc/${other.pid}/ns/${file}` })
      // Only who owns a namespace may mount what shows it, and name it.
      if (type === 'ipc') mounts.splice(0, mounts.length, ...mounts.filter((mount) => mount.type !== 'mqueue'))
      if (type === 'uts') delete spec.hostname
      if (type === 'network') mounts.splice(0, mounts.length,
        ...mounts.filter((mount) => mount.type !== 'sysfs' && mount.type !== 'cgroup'))
      if (type === 'pid') mounts.splice(0, 1, { destination: '/proc', source: '/proc', options: ['rbind'] })
    })
    const made = await sandbox.run(['sh', '-c', 'cat /proc/self/uid_map; exec sleep 1000'], change)
    const link = (name: string) => linkOf(`/proc/${made.pid}/ns/${name}`)
    expect(link(file)).toBe(linkOf(`/proc/${other.pid}/ns/${file}`))
    for (const name of ['user', 'mnt']) expect(link(name), name).not.toBe(linkOf(`/proc/self/ns/${name}`))
    const maps = readFileSync(`/proc/${made.pid}/uid_map`, 'utf8') + readFileSync(`/proc/${made.pid}/gid_map`, 'utf8')
    expect(maps.trim().split(/\s+/).map(Number)).toEqual([0, first, 65536, 0, first + 1, 65536])

    const added = await made.exec({ args: ['sh', '-c', 'exec sleep 1000'] })
    for (const name of ['user', 'mnt', file]) expect(linkOf(`/proc/${added.pid}/ns/${name}`), name).toBe(link(name))
    await added.kill('KILL')
    await added.wait()
  })

  test('flags of a mount of the host are locked: a remount keeps them, and cannot take them away', async () => {
    const marked = join(sandbox.directory, 'marked')
    mkdirSync(marked)
    const run = async (...mounts: TestSpec['mounts']) => {
      const { id, bundle } = sandbox.bundle(['cat', '/proc/self/mountinfo'],
        mapped((spec) => spec.mounts.push(...mounts)))
      const through = ['unshare', '-m', '--propagation', 'private', 'sh', '-c',
        `mount -t tmpfs -o nosuid,nodev,noatime tmpfs ${marked} && exec "$@"`, 'sh']
      const { stdout, stderr } = await sandbox.nrunc(['run', '-b', bundle, id], { through })
      const table = parseMountTable(stdout)
      return { stderr, of: (place: string) => table.findLast(({ path }) => path === place)?.options.toSorted() }
    }
    const bind = (destination: string, ...options: string[]) =>
      ({ destination, source: marked, options: ['bind', ...options] })
    const remount = (destination: string, ...options: string[]) =>
      ({ destination, options: ['remount', 'bind', ...options] })
    const { of } = await run(bind('/tmp', 'ro'), bind('/var'), remount('/var', 'ro', 'noexec'))
    expect(of('/tmp')).toEqual(['noatime', 'nodev', 'nosuid', 'ro'])
    expect(of('/var')).toEqual(['noatime', 'nodev', 'noexec', 'nosuid', 'ro'])
    for (const mounts of [[bind('/tmp'), remount('/tmp', 'suid')], [bind('/tmp', 'dev')]]) {
      expect((await run(...mounts)).stderr).toMatch(/mount_setattr: operation not permitted/)
    }
  }, 300_000)

  test.each([
    [
      'no mappings',
      (spec: TestSpec) => {
        spec.linux.uidMappings = []
      },
      '/linux/uidMappings',
    ],
    [
      'a user that is not mapped',
      (spec: TestSpec) => {
        spec.process.user.uid = 70_000
      },
      '/process/user/uid',
    ],
    [
      'overlapping mappings',
      (spec: TestSpec) => {
        spec.linux.uidMappings?.push({ containerID: 5, hostID: 5, size: 1 })
      },
      '/linux/uidMappings/1/containerID',
    ],
  ])('%s', async (_name, change, field) => {
    const error = await rejection(sandbox.create(['true'], mapped(change)))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', field])
  })
})

function chownTree(directory: string): void {
  chownSync(directory, first, first + 1)
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (lstatSync(path).isDirectory()) chownTree(path)
  }
}
