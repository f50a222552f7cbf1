/**
 * Mounts of type `cgroup` and `cgroup2`, with a cgroup namespace and without one, as they look from inside. Source:
 * runtime-spec config.md "Mounts", cgroup_namespaces(7).
 */
import { expect, test } from 'vitest'
import { cgroupHost } from '../../lib/cgroup/detect.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

const { mode, hierarchies, unified } = cgroupHost()
const cgroups = '/sys/fs/cgroup'
const withNamespace = ({ linux }: TestSpec): void => {
  if (!linux.namespaces.some(({ type }) => type === 'cgroup')) linux.namespaces.push({ type: 'cgroup' })
}
const withoutNamespace = ({ linux }: TestSpec): void => {
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
}
const inUserNamespace = (spec: TestSpec): void => {
  spec.linux.namespaces.push({ type: 'user' })
  spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
}
const options = (...words: string[]) => ({ mounts }: TestSpec): void => {
  mounts.find(({ type }) => type === 'cgroup')!.options = ['nosuid', 'noexec', 'nodev', 'relatime', ...words]
}

describeWith(container, 'the cgroup mount', () => {
  const sandbox = useSandbox()
  const shell = async (script: string, ...changes: ((spec: TestSpec) => void)[]) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], (spec) =>
      changes.forEach((change) => change(spec)))
    expect(stderr).toBe('')
    return stdout
  }
  const directories = mode === 'v2' ? [cgroups] : hierarchies.map(({ mountpoint }) =>
    `${cgroups}/${mountpoint.split('/').at(-1)}`)

  test.each([
    ['with a cgroup namespace', withNamespace, []], ['without one', withoutNamespace, []],
    ['with both a user and a cgroup namespace', withNamespace, [inUserNamespace]],
    ['with a user namespace alone', withoutNamespace, [inUserNamespace]],
  ] as const)('%s: every hierarchy, and in each only the container\'s processes', async (_name, change, more) => {
    const script = directories.map((directory) => `echo ${directory}; cat ${directory}/cgroup.procs`).join('; ')
    const seen = await shell(`${script}; cat /proc/self/mountinfo`, change, ...more)
    for (const directory of directories) {
      const [, processes = ''] = new RegExp(`^${directory}\\n((?:\\d+\\n)+)`, 'm').exec(seen) ?? []
      // 1 is the shell; the processes of others would be 0 here, which the pid namespace does not have.
      expect(processes.split('\n'), directory).toContain('1')
      expect(processes.split('\n'), directory).not.toContain('0')
    }
    const mounts = parseMountTable(seen.slice(seen.search(/^\d+ \d+ \d+:/m)))
    for (const { path, options: flags } of mounts.filter(({ type }) => type.startsWith('cgroup'))) {
      expect(flags, path).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']))
    }
  })

  test.each([['with a cgroup namespace', withNamespace], ['without one', withoutNamespace]])(
    '%s, read-write: cgroups can be made below, and go with the container', async (_name, change) => {
      const made = directories.map((directory) =>
        `mkdir ${directory}/inner && [ -e ${directory}/inner/cgroup.procs ]`).join(' && ')
      expect(await shell(`${made} && echo ok`, change, options('rw'))).toBe('ok\n')
      expect(await shell(`mkdir ${directories[0]}/inner 2>/dev/null || echo refused`, change)).toBe('refused\n')
    })

  test.skipIf(mode === 'v2')('controllers that share a hierarchy are links to it', async () => {
    const shared = hierarchies.filter(({ controllers }) => controllers.length > 1)
    for (const { controllers, mountpoint } of shared) {
      const name = mountpoint.split('/').at(-1)
      for (const controller of controllers.filter((one) => one !== name)) {
        expect(await shell(`readlink ${cgroups}/${controller}`)).toBe(`${name}\n`)
      }
    }
  })

  test.skipIf(unified === undefined)('cgroup2 is the unified hierarchy, on a hybrid host too', async () => {
    for (const change of [withNamespace, withoutNamespace]) {
      const seen = await shell('cat /tmp/cgroup.controllers | wc -l; cat /proc/self/mountinfo', change, (spec) => {
        spec.mounts.push({ destination: '/tmp', type: 'cgroup2', source: 'cgroup', options: ['ro'] })
      })
      expect(seen.slice(0, 2)).toBe('1\n')
      expect(parseMountTable(seen.slice(2)).find(({ path }) => path === '/tmp')?.type).toBe('cgroup2')
    }
  })
})
