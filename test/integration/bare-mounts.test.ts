/**
 * Containers of templates and pools whose mount namespace is not a copy of the host's: they have to be the same. What the host
 * mounts later is tested in a mount namespace that stands for the host's, whose mounts are shared as systemd makes them.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { cgroupsPathOf, groupRoot } from '../helpers/cgroup.ts'
import { runProgram } from '../helpers/cli.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href
const isBare = ({ timings }: Container): boolean => timings!.steps.some(({ step }) => step === 'attachRoot')

describeWith([...container, 'cli'], 'bare mounts', () => {
  const sandbox = useSandbox()
  const start = (id = sandbox.id()) => ({ id, cgroupsPath: cgroupsPathOf(id), stdin: 'ignore' as const })

  /** What SPEC's program, and the mounts, are in a container of a template. */
  const outcome = async (spec: TestSpec, bareMounts: boolean) => {
    await using template = await sandbox.runtime.compile({ bundle: sandbox.directory, spec, bareMounts })
    const made = sandbox.keep(await template.run(start()))
    const ended = await end(made)
    await made.delete()
    return { ...ended, bare: isBare(made) }
  }
  /** All but the numbers of mounts and file systems; by their paths, as their order is that in which the trees were opened. */
  const table = (text: string) => parseMountTable(text)
    .map(({ id: _id, parent: _parent, root, ...line }) => ({ ...line, root: root.replace(/\/nrunc-test\/[^/]*$/, '') }))
    .sort((one, other) => (one.path < other.path ? -1 : 1))

  test('the mounts of the container are the same', async () => {
    const volume = join(sandbox.directory, 'volume')
    mkdirSync(volume)
    writeFileSync(join(volume, 'file'), 'text\n')
    const spec = sandbox.spec(['sh', '-c', 'cat /proc/self/mountinfo; cat /mnt/file /etc/one >&2; echo > /dev/null'], ({ mounts }) => {
      mounts.push(
        { destination: '/mnt', source: 'volume', options: ['rbind', 'ro', 'nosuid'] }, { destination: '/etc/one', source: join(volume, 'file'), options: ['bind'] },
        { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=700'] }, { destination: '/mnt', options: ['remount', 'bind', 'ro', 'noexec'] },
      )
    })
    const [copy, bare] = [await outcome(spec, false), await outcome(spec, true)]
    expect([copy.bare, bare.bare, bare.stderr]).toEqual([false, true, 'text\ntext\n'])
    expect(table(bare.stdout)).toEqual(table(copy.stdout))
    expect(table(bare.stdout).length).toBeGreaterThan(10)
  })

  test.each<[string, (spec: TestSpec) => void]>([
    ['a source', ({ mounts }) => mounts.push({ destination: '/mnt', source: '/not/there', options: ['bind'] })],
    ['a root file system', (spec) => { spec.root = { path: '/not/there' } }],
    ['one that is no directory', (spec) => { spec.root = { path: '/etc/passwd' } }],
  ])('%s that is not there: the same error', async (_, change) => {
    const spec = sandbox.spec(['true'], change)
    const [copy, bare] = [await rejection(outcome(spec, false)), await rejection(outcome(spec, true))]
    expect({ ...bare, syscall: '' }).toEqual({ ...copy, syscall: '' })
    expect(bare.message).toBe(copy.message)
  })

  const mapped = ({ linux }: TestSpec): void => {
    linux.namespaces.push({ type: 'user' })
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
  }

  test.each<[string, (spec: TestSpec) => void]>([
    ['a user namespace', mapped],
    ['a source below the root file system', (spec) => spec.mounts.push({ destination: '/mnt', source: `${spec.root.path}/etc`, options: ['bind'] })],
    ['an overlay', ({ mounts, root }) => mounts.push({ destination: '/mnt', type: 'overlay', source: 'overlay', options: [`lowerdir=${root.path}/etc:${root.path}/bin`] })],
    ['a hook that sees the mounts', (spec) => { spec.hooks = { createContainer: [{ path: '/bin/ls', args: ['ls', sandbox.directory] }] } }],
    ['rootfsPropagation', ({ linux }) => { linux.rootfsPropagation = 'shared' }],
  ])('the host\'s mounts are copied for %s', async (_, change) => {
    const { code, bare } = await outcome(sandbox.spec(['true'], change), true)
    expect([code, bare]).toEqual([0, false])
  })

  test('a pool has them too', async () => {
    await using pool = await sandbox.runtime.pool({
      bundle: sandbox.directory, spec: sandbox.spec(['true']), size: 1, bareMounts: true, cgroupsParent: join(groupRoot, sandbox.prefix),
    })
    const acquired = sandbox.keep(await pool.acquire({ args: ['sh', '-c', 'ls /; cat /proc/mounts | wc -l'], stdin: 'ignore' }))
    const { stdout, code } = await end(acquired)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^proc$.*^sys$/ms)
  })

  /** What SCRIPT prints as JSON, in a mount namespace of its own; it has `runtime`, `given` and `sh`. */
  const onHost = async (script: string): Promise<unknown> => {
    const volume = join(sandbox.directory, sandbox.id())
    mkdirSync(volume)
    const spec = sandbox.spec(['cat', '/proc/self/mountinfo'], ({ mounts }) => { mounts.push({ destination: '/mnt', source: volume, options: ['rbind'] }) })
    const file = `${volume}.mjs`
    writeFileSync(file, `
      import { execFileSync } from 'node:child_process'
      import { readFileSync } from 'node:fs'
      const { Runtime } = await import(${JSON.stringify(library)})
      const runtime = new Runtime({ root: ${JSON.stringify(join(sandbox.directory, 'state'))} })
      const given = { bundle: '/', spec: ${JSON.stringify(spec)} }
      const volume = ${JSON.stringify(volume)}
      const ids = ${JSON.stringify(Array.from({ length: 4 }, () => start()))}
      const sh = (words) => execFileSync('sh', ['-c', words])
      ${script}
      process.exit(0)`)
    const through = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'mount --make-rshared / && exec "$@"', 'sh']
    const { code, stdout, stderr } = await runProgram([...through, process.execPath, file])
    expect([code, stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }

  test('they are the same where the host\'s are shared, too: whose slaves, and which are private', async () => {
    const found = await onHost(`
      const found = []
      given.spec.mounts.push({ destination: '/tmp', source: '/sys/kernel', options: ['rbind'] })
      for (const bareMounts of [false, true]) {
        const template = await runtime.compile({ ...given, bareMounts })
        const { id, cgroupsPath } = ids.pop()
        found.push((await template.execute({ id, cgroupsPath })).stdout)
      }
      console.log(JSON.stringify(found))`) as string[]
    const [copy, bare] = found.map(table)
    expect(bare).toEqual(copy)
    expect(bare!.flatMap(({ propagation }) => propagation)).toContainEqual(expect.stringMatching(/^master:/))
    expect(bare!.find(({ path }) => path === '/')!.propagation).toEqual([])
  })

  test('what the host has mounted meanwhile is there, and what it mounts later arrives', async () => {
    const found = await onHost(`
      const found = []
      for (const bareMounts of [false, true]) {
        const template = await runtime.compile({ ...given, bareMounts })
        sh(\`mount -t tmpfs later \${volume} && mkdir \${volume}/below\`)
        const one = await template.create(ids.pop())
        sh(\`mount -t tmpfs below \${volume}/below\`)
        const lines = readFileSync(\`/proc/\${one.pid}/mountinfo\`, 'utf8').split('\\n').filter((line) => line.includes(' /mnt'))
        found.push({ bare: one.timings.steps.some(({ step }) => step === 'attachRoot'), lines: lines.map((line) => line.replace(/^.* \\/mnt/, '/mnt').replace(/:\\d+/g, '')) })
        sh(\`umount \${volume}/below \${volume}\`)
        found.at(-1).after = readFileSync(\`/proc/\${one.pid}/mountinfo\`, 'utf8').split('\\n').filter((line) => line.includes(' /mnt/below')).length
        await one.delete({ force: true })
      }
      console.log(JSON.stringify(found))`) as { bare: boolean; lines: string[]; after: number }[]
    const lines = [/^\/mnt rw,relatime master - tmpfs later /, /^\/mnt\/below rw,relatime master - tmpfs below /].map((one) => expect.stringMatching(one))
    expect(found).toEqual([{ bare: false, lines, after: 0 }, { bare: true, lines, after: 0 }])
  })

  test('by default where the host has a hundred mounts', async () => {
    const found = await onHost(`
      const found = []
      const isBare = async () => {
        const template = await runtime.compile(given)
        const one = await template.run(ids.pop())
        await one.wait()
        await one.delete()
        return one.timings.steps.some(({ step }) => step === 'attachRoot')
      }
      const before = readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').length > 100
      found.push(await isBare() === before)
      sh(\`mount -t tmpfs many \${volume} && cd \${volume} && for i in $(seq 100); do mkdir $i && mount --bind $i $i; done\`)
      found.push(await isBare())
      console.log(JSON.stringify(found))`)
    expect(found).toEqual([true, true])
  })
})
