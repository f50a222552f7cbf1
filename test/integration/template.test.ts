/**
 * Templates: a config compiled once, containers started from it many times.
 */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container, TemplateOptions, TemplateStart } from '../../lib/index.ts'
import { cgroupsPathOf } from '../helpers/cgroup.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const openNetworks = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`)?.startsWith('net:')).length

describeWith([...container, 'cli'], 'templates', () => {
  const sandbox = useSandbox()
  const compile = (args: readonly string[], change?: (spec: TestSpec) => void, options: TemplateOptions = {}) =>
    sandbox.runtime.compile({ bundle: sandbox.directory, spec: sandbox.spec(args, change), ...options })
  /** With an id and a cgroup of its own. */
  const start = (options: TemplateStart = {}): TemplateStart => {
    const id = options.id ?? sandbox.id()
    return { stdin: 'ignore', cgroupsPath: cgroupsPathOf(id), ...options, id }
  }
  const output = async (made: Container): Promise<string> => {
    const { stdout, stderr, code } = await end(made)
    await made.delete()
    return `${code} ${stdout}${stderr}`
  }

  test('each start has its id, and what it changes', async () => {
    await using template = await compile(['sh', '-c', 'echo $0 $A $B; pwd; hostname; ls -d /data 2>&1', 'base'], (spec) => {
      spec.process.env.push('A=1')
    })
    const mounts = [{ destination: '/data', type: 'tmpfs', source: 'tmpfs' }]
    const script = ['sh', '-c', 'echo $0 $A $B; pwd; hostname; cat /proc/mounts | grep -c /tmp', 'changed']
    for (const _ of [1, 2, 3]) {
      expect(await output(await template.run(start()))).toMatch(/^1 base 1\n\/\nrunc\n/)
      const changed = start({ args: script, env: ['B=2', 'A=3'], cwd: '/tmp', hostname: 'other', mounts: [{ ...mounts[0]!, destination: '/tmp' }] })
      expect(await output(await template.run(changed))).toBe('0 changed 3 2\n/tmp\nother\n1\n')
    }
  })

  test('the state, the keyring and the default cgroup have the id', async () => {
    await using template = await compile(['sleep', '1000'], ({ linux }) => { linux.maskedPaths = [] })
    for (const _ of [1, 2, 3]) {
      const made = sandbox.keep(await template.run({ id: sandbox.id(), stdin: 'ignore' }))
      const state = await made.state()
      expect([state.id, state.status, state.pid]).toEqual([made.id, 'running', made.pid])
      const loaded = await sandbox.runtime.load(made.id)
      expect(loaded.spec).toEqual(template.spec)
      expect(await loaded.processes()).toEqual([made.pid])
      const listed = await made.exec({ args: ['cat', '/proc/keys'] })
      expect((await end(listed)).stdout).toContain(`_ses.${made.id}:`)
      await made.delete({ force: true })
    }
  })

  test('create waits for start', async () => {
    await using template = await compile(['echo', 'started'])
    const made = sandbox.keep(await template.create(start()))
    expect((await made.state()).status).toBe('created')
    await made.start()
    expect((await end(made)).stdout).toBe('started\n')
  })

  test('hooks get the id of each container', async () => {
    const file = join(sandbox.directory, 'hook-states')
    await using template = await compile(['true'], (spec) => {
      spec.hooks = {
        createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `cat >> ${file}; echo >> ${file}`] }],
      }
    })
    const made = [await template.run(start()), await template.run(start()), await template.run(start())]
    for (const one of made) await one.wait()
    const states = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { id: string; pid: number })
    expect(states.map(({ id, pid }) => [id, pid])).toEqual(made.map(({ id, pid }) => [id, pid]))
    for (const one of made) await one.delete()
  })

  test('a network namespace made ahead is new for each, with the loopback interface up, and none stays', async () => {
    const before = openNetworks()
    const template = await compile(['sleep', '1000'], undefined, { networksAhead: 2 })
    await until(() => openNetworks() - before === 2)
    const made = await Promise.all([1, 2, 3].map(async () => sandbox.keep(await template.run(start()))))
    const networks = made.map(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`))
    expect(new Set([...networks, readlinkSync('/proc/self/ns/net')]).size).toBe(4)
    for (const one of made) {
      const shown = await one.exec({ args: ['sh', '-c', 'ip addr show lo; ls /sys/class/net; ls /proc/net >/dev/null'] })
      const { stdout } = await end(shown)
      expect(stdout).toMatch(/LOOPBACK,UP/)
      expect(stdout).toMatch(/127\.0\.0\.1/)
      expect(stdout.trim().split('\n').at(-1)).toBe('lo')
    }
    await until(() => openNetworks() - before === 2)
    await output(await template.run(start({ args: ['true'] }))) // less than half are gone: the one is made anew, too
    await until(() => openNetworks() - before === 2)
    template.close()
    await until(() => openNetworks() === before)
    await output(await template.run(start({ args: ['true'] }))) // still possible
    expect(openNetworks()).toBe(before)
  })

  test('64 are kept at most, whatever the templates ask for', async () => {
    const before = openNetworks()
    const templates = [await compile(['true'], undefined, { networksAhead: 60 }), await compile(['true'], undefined, { networksAhead: 60 })]
    await until(() => openNetworks() - before === 64)
    for (const count of [60, 0]) {
      templates.pop()!.close()
      await until(() => openNetworks() - before === count)
    }
  })

  test('none is made ahead for a config that could not take it', async () => {
    const before = openNetworks()
    const host = await compile(['true'], ({ linux }) => {
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'network')
    })
    const user = await compile(['true'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
    })
    await output(await host.run(start()))
    expect(openNetworks()).toBe(before)
    host.close()
    user.close()
  })

  test('errors are those of run, name the field, and leave nothing', async () => {
    const error = await rejection(compile(['true'], (spec) => { spec.process.cwd = 'relative' }))
    expect([error.code, error.field]).toEqual(['ERR_CONFIG_INVALID', '/process/cwd'])
    await using template = await compile(['true'], undefined, { networksAhead: 0 })
    const failures: [TemplateStart, string, string | undefined][] = [
      [{ args: ['no-such-program'] }, 'ERR_PROGRAM', '/process/args/0'],
      [{ cwd: 'relative' }, 'ERR_CONFIG_INVALID', '/process/cwd'],
      [{ args: [] }, 'ERR_CONFIG_INVALID', '/process/args'],
      [{ mounts: [{ destination: '/x', type: 'no-such-type', source: 'x' }] }, 'ERR_INIT', '/mounts/7'],
      [{ hostname: 'x'.repeat(65) }, 'ERR_CONFIG_INVALID', '/hostname'],
      [{ id: 'a b' }, 'ERR_ID_INVALID', undefined],
      [{ agrs: ['true'] } as TemplateStart, 'ERR_OPTION_INVALID', undefined],
    ]
    for (const [options, code, field] of failures) {
      const refused = await leavesNothing(sandbox, () => rejection(template.run(start(options))))
      expect([refused.code, refused.field]).toEqual([code, field])
    }
    for (const networksAhead of [-1, 1.5, 65]) {
      expect((await rejection(compile(['true'], undefined, { networksAhead }))).operand).toBe('networksAhead')
    }
  })

  test('the template cannot be changed through a container, nor through the config that it was made of', async () => {
    const spec = sandbox.spec(['echo', 'first'])
    await using template = await sandbox.runtime.compile({ bundle: sandbox.directory, spec })
    spec.process.args = ['echo', 'changed']
    const made = await template.run(start({ cgroupsPath: undefined }))
    expect(() => { made.spec.process!.args = ['x'] }).toThrow(TypeError)
    expect(await output(made)).toBe('0 first\n')
  })

  test('a bundle that is started again and again follows its config.json', async () => {
    const { id, bundle } = sandbox.bundle(['echo', 'one'])
    const run = async (): Promise<string> => output(await sandbox.runtime.run({ id, bundle, stdin: 'ignore' }))
    for (const _ of [1, 2, 3]) expect(await run()).toBe('0 one\n')
    const spec = sandbox.spec(['echo', 'two'], ({ linux }) => { linux.cgroupsPath = cgroupsPathOf(id) })
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec))
    for (const _ of [1, 2, 3]) expect(await run()).toBe('0 two\n')
  })
})
