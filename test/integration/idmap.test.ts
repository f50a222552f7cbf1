/**
 * Idmapped mounts: the ids of files are those of the maps, in the mount alone. Source: runtime-spec config.md "Mounts",
 * mount_setattr(2) MOUNT_ATTR_IDMAP.
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { childrenOf, linkOf, statOf } from '../helpers/host.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

const users = { first: 100_000, second: 200_000 }
const range = (containerID: number, hostID: number, size = 65536) => [{ containerID, hostID, size }]

const inUserNamespace = ({ linux }: TestSpec): void => {
  linux.namespaces.push({ type: 'user' })
  linux.uidMappings = range(0, users.first)
  linux.gidMappings = range(0, users.first)
}

describeWith([...container, 'userNamespaces', 'mountNamespaces', 'cli'], 'idmapped mounts', () => {
  const sandbox = useSandbox()
  /** A directory with files of the ids 0, 1 and 1000, and a directory below. */
  const source = (): string => {
    const directory = mkdtempSync(join(sandbox.directory, 'source-'))
    chmodSync(directory, 0o777)
    for (const id of [0, 1, 1000]) {
      writeFileSync(join(directory, `file${id}`), '')
      chownSync(join(directory, `file${id}`), id, id + 1)
    }
    mkdirSync(join(directory, 'below'))
    return directory
  }
  const owners = 'cd /tmp; stat -c %u:%g file0 file1 file1000 | xargs'
  const shell = async (script: string, change: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], change)
    expect(stderr).toBe('')
    return stdout.trim()
  }

  test('idmap takes the maps of the user namespace: the ids of the host are those of the container', async () => {
    const directory = source()
    const at = (...options: string[]) => (spec: TestSpec) => {
      inUserNamespace(spec)
      spec.mounts.push({ destination: '/tmp', source: directory, options: ['bind', ...options] })
    }
    expect(await shell(owners, at())).toBe('65534:65534 65534:65534 65534:65534')
    expect(await shell(owners, at('idmap'))).toBe('0:1 1:2 1000:1001')
    expect(await shell(owners, at('ridmap'))).toBe('0:1 1:2 1000:1001')
    await shell('touch /tmp/new', at('idmap'))
    expect([statSync(join(directory, 'new')).uid, statSync(join(directory, 'new')).gid]).toEqual([0, 0])
  })

  test('uidMappings and gidMappings are the mount\'s own, with and without a user namespace', async () => {
    const mount = { destination: '/tmp', source: source(), options: ['bind'], uidMappings: range(0, 5000),
      gidMappings: range(1, 7000) }
    expect(await shell(owners, ({ mounts }) => mounts.push(mount))).toBe('5000:7000 5001:7001 6000:8000')
    const inside = { ...mount, uidMappings: range(0, users.first + 5), gidMappings: range(1, users.first + 10) }
    expect(await shell(owners, (spec) => {
      inUserNamespace(spec)
      spec.mounts.push(inside)
    })).toBe('5:10 6:11 1005:1010')
  })

  test('several mounts, each with its own maps, and one without', async () => {
    const directory = source()
    const script = 'stat -c %u /tmp/file1 /var/file1 /root/file1 /home/file1 | xargs'
    const mount = (destination: string, hostID?: number) => ({
      destination, source: directory, options: ['rbind'],
      ...(hostID === undefined ? {} : { uidMappings: range(0, hostID), gidMappings: range(0, hostID) }),
    })
    expect(await shell(script, ({ mounts }) =>
      mounts.push(mount('/tmp', 10), mount('/var', 20), mount('/root', 10), mount('/home')))).toBe('11 21 11 1')
  })

  test('a single file, read-only, and what is mounted is no peer of the host\'s mount', async () => {
    const file = join(source(), 'file1')
    const { stdout } = await sandbox.output(['sh', '-c', 'stat -c %u /etc/name; cat /proc/self/mountinfo'], (spec) => {
      spec.root.path = sandbox.rootfs()
      spec.mounts.push({
        destination: '/etc/name', source: file, options: ['bind', 'ro'], uidMappings: range(0, 50),
          gidMappings: range(0, 50),
      })
    })
    const [owner, ...lines] = stdout.split('\n')
    expect(owner).toBe('51')
    const mount = parseMountTable(lines.join('\n')).find(({ path }) => path === '/etc/name')
    expect(mount?.options).toEqual(expect.arrayContaining(['ro', 'idmapped']))
    expect(mount?.propagation.filter((word) => word.startsWith('shared'))).toEqual([])
  })

  test('idmap is for one mount, ridmap for its tree', async () => {
    const directory = source()
    const seen = async (word: string) => {
      const { id, bundle } = sandbox.bundle(['cat', '/proc/self/mountinfo'], ({ mounts }) =>
        mounts.push({ destination: '/tmp', source: directory, options: ['rbind', word], uidMappings: range(0, 5),
          gidMappings: range(0, 5) }))
      const through = [
        'unshare', '-m', '--propagation', 'private', 'sh', '-c',
          `mount -t tmpfs tmpfs ${directory}/below && exec "$@"`, 'sh',
      ]
      const { stdout } = await sandbox.nrunc(['run', '-b', bundle, id], { through })
      return parseMountTable(stdout).filter(({ path }) => path.startsWith('/tmp')).map(({ path, options }) =>
        `${path} ${options.includes('idmapped')}`)
    }
    expect(await seen('idmap')).toEqual(['/tmp true', '/tmp/below false'])
    expect(await seen('ridmap')).toEqual(['/tmp true', '/tmp/below true'])
  })

  test('in a joined user namespace its maps are taken', async () => {
    const made = await sandbox.run(['sleep', '1000'], inUserNamespace)
    const directory = source()
    const stdout = await shell(owners, ({ linux, mounts }) => {
      linux.namespaces.push({ type: 'user', path: `/proc/${made.pid}/ns/user` })
      mounts.push({ destination: '/tmp', source: directory, options: ['bind', 'idmap'] })
    })
    expect(stdout).toBe('0:1 1:2 1000:1001')
  })

  test('a file system that cannot be mapped: the error names the mount and the likely cause', async () => {
    const error = await rejection(sandbox.create(['true'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', source: '/proc', options: ['bind'], uidMappings: range(0, 5),
        gidMappings: range(0, 5) })))
    expect(error).toMatchObject({
      code: 'ERR_HOST', step: 'openMappedTree', syscall: 'mount_setattr', errno: 'EINVAL', operand: '/proc',
    })
    expect(error.message).toContain("failed to set MOUNT_ATTR_IDMAP on \"/proc\": invalid argument (maybe the filesystem")
  })

  test('a source that does not exist', async () => {
    const error = await rejection(sandbox.create(['true'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', source: 'none', options: ['bind'], uidMappings: range(0, 5),
        gidMappings: range(0, 5) })))
    expect([error.code, error.syscall, error.errno, error.operand]).toEqual(['ERR_HOST', 'open_tree', 'ENOENT',
      join(sandbox.directory, 'none')])
  })

  test('no process is left of the user namespaces that were made for the maps', async () => {
    const left = childrenOf(process.pid).map((pid) => ({ pid, state: statOf(pid)?.state, program: linkOf(`/proc/${pid}/exe`) }))
    expect(left.filter(({ state, program }) => state === 'Z' || program?.includes('nrunc-init'))).toEqual([])
  })
})
