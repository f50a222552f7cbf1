/**
 * Security modules: `process.apparmorProfile`, `process.selinuxLabel` and `linux.mountLabel`. Source: runtime-spec
 * config.md "Linux Process", config-linux.md "Mount Label".
 */
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'apparmor'], 'AppArmor', () => {
  const sandbox = useSandbox()
  const profile = `nrunc-test-${sandbox.prefix}`
  const load = (action: string): string => spawnSync('apparmor_parser', [action], {
    input: `profile ${profile} flags=(attach_disconnected,mediate_deleted) {
      file, capability, network, mount, umount, pivot_root, ptrace, signal, unix,
      deny /tmp/denied/** wl,
    }`, encoding: 'utf8',
  }).stderr
  beforeAll(() => expect(load('-r')).toBe(''))
  afterAll(() => void load('-R'))
  const confined = (spec: TestSpec): void => {
    spec.process.apparmorProfile = profile
    spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
  }
  const script = 'cat /proc/self/attr/current; mkdir /tmp/denied; echo x 2>/dev/null > /tmp/denied/file || echo refused'

  test('the program has the profile of the spec, and so has what exec adds', async () => {
    const { stdout } = await sandbox.output(['sh', '-c', script], confined)
    expect(stdout).toBe(`${profile} (enforce)\nrefused\n`)
    const made = await sandbox.run(['sleep', '1000'], confined)
    const own = await end(await made.exec({ args: ['cat', '/proc/self/attr/current'] }))
    expect(own.stdout).toBe(`${profile} (enforce)\n`)
    const free = await sandbox.output(['sh', '-c', script], ({ mounts }) =>
      mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }))
    expect(free.stdout).toBe('unconfined\n')
  })

  test('exec of a whole process has its own profile, or none', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const process = { args: ['/bin/cat', '/proc/self/attr/current'], cwd: '/', user: { uid: 0, gid: 0 } }
    const current = async (more: object) => (await end(await made.exec({ process: { ...process, ...more } }))).stdout
    expect([await current({ apparmorProfile: profile }), await current({})]).toEqual([`${profile} (enforce)\n`,
      'unconfined\n'])
  })

  test('with no_new_privs, for an ordinary user, in a user namespace', async () => {
    const { stdout } = await sandbox.output(['cat', '/proc/self/attr/current'], (spec) => {
      confined(spec)
      spec.process.noNewPrivileges = true
      spec.process.user = { uid: 1000, gid: 1000 }
      spec.linux.namespaces.push({ type: 'user' })
      spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
    })
    expect(stdout).toBe(`${profile} (enforce)\n`)
  })

  test('a profile that is not loaded', async () => {
    const error = await rejection(sandbox.create(['true'], ({ process }) => {
      process.apparmorProfile = 'none-of-this-name'
    }))
    expect([error.code, error.field, error.step, error.errno])
      .toEqual(['ERR_INIT', '/process/apparmorProfile', 'setAppArmorProfile', 'ENOENT'])
  })
})

describeWith([...container, 'selinux'], 'SELinux', () => {
  const sandbox = useSandbox()
  const label = 'system_u:system_r:container_t:s0'
  const labelled = (spec: TestSpec): void => {
    spec.process.selinuxLabel = label
    spec.linux.mountLabel = 'system_u:object_r:container_file_t:s0'
  }

  test('the program and its keyring have the label of the spec', async () => {
    const made = await sandbox.run(['sh', '-c',
      'cat /proc/self/attr/current; cat /proc/self/attr/keycreate; exec sleep 1000'], labelled)
    const exec = await end(await made.exec({ args: ['cat', '/proc/self/attr/current'] }))
    expect(exec.stdout.replaceAll('\0', '').trim()).toBe(label)
    await made.kill('KILL')
    const { stdout } = await end(made)
    expect(stdout.replaceAll('\0', '').trim()).toBe(label)
  })

  test('new file systems and masked directories have the label of the spec', async () => {
    const { stdout } = await sandbox.output(['cat', '/proc/self/mountinfo'], (spec) => {
      labelled(spec)
      spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
    })
    const mounts = parseMountTable(stdout)
    for (const path of ['/dev', '/dev/pts', '/dev/shm', '/sys/firmware', '/tmp']) {
      expect(mounts.find((one) => one.path === path)?.data,
        path).toContain('context=system_u:object_r:container_file_t:s0')
    }
  })
})

const absent = bench().missing
describeWith([...container], 'without the module', () => {
  const sandbox = useSandbox()

  test.skipIf(absent.apparmor === undefined)('a profile is refused, for run and exec', async () => {
    const words = /apparmor: config provided but apparmor not supported/
    const set = (name: string) => ({ process }: TestSpec): void => { process.apparmorProfile = name }
    const error = await rejection(sandbox.create(['true'], set('any')))
    expect([error.code, error.field, error.message]).toEqual(['ERR_CONFIG_INVALID', '/process/apparmorProfile',
      expect.stringMatching(words)])
    const made = await sandbox.run(['sleep', '1000'], set(''))
    const process = { args: ['true'], cwd: '/', user: { uid: 0, gid: 0 }, apparmorProfile: 'any' }
    expect((await rejection(made.exec({ process }))).field).toBe('/apparmorProfile')
  })

  test.skipIf(absent.selinux === undefined).each([
    ['/process/selinuxLabel', (spec: TestSpec) => { spec.process.selinuxLabel = 'a:b:c:s0' }],
    ['/linux/mountLabel', (spec: TestSpec) => { spec.linux.mountLabel = 'a:b:c:s0' }],
  ] as const)('%s is refused', async (field, change) => {
    const error = await rejection(sandbox.create(['true'], change))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', field])
    expect(error.message).toContain('label is specified in config, but selinux is disabled or not supported')
  })
})
