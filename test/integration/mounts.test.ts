/**
 * `mounts` of config.json: bind mounts, their flags and their propagation, file systems and their options. Source:
 * runtime-spec config.md "Mounts".
 */
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { type MountLine, parseMountTable } from '../helpers/mountinfo.ts'
import { container, describeWith, reasonsAgainst } from '../helpers/needs.ts'

type Mount = TestSpec['mounts'][number]

describeWith(container, 'mounts', () => {
  const sandbox = useSandbox()
  const source = (): string => {
    const directory = mkdtempSync(join(sandbox.directory, 'source-'))
    writeFileSync(join(directory, 'file'), 'content\n')
    return directory
  }
  const table = async (...mounts: Mount[]): Promise<MountLine[]> =>
    parseMountTable(
      (await sandbox.output(['cat', '/proc/self/mountinfo'], (spec) => spec.mounts.push(...mounts))).stdout,
    )
  const optionsOf = async (options: readonly string[]) =>
    (await table({ destination: '/tmp', source: source(), options: ['bind', ...options] })).find(
      ({ path }) => path === '/tmp',
    )!

  test('a directory of the host, there and back', async () => {
    const directory = source()
    const { stdout } = await sandbox.output(['sh', '-c', 'cat /tmp/file; echo new > /tmp/new'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', source: directory, options: ['bind'] }))
    expect([stdout, readFileSync(join(directory, 'new'), 'utf8')]).toEqual(['content\n', 'new\n'])
  })

  test('a single file, where there is none yet', async () => {
    const rootfs = sandbox.rootfs()
    const { stdout } = await sandbox.output(['cat', '/etc/a/b/name'], (spec) => {
      spec.root.path = rootfs
      spec.mounts.push({ destination: '/etc/a/b/name', source: join(source(), 'file'), options: ['bind', 'ro'] })
    })
    expect(stdout).toBe('content\n')
    expect(statSync(join(rootfs, 'etc/a/b/name')).size).toBe(0)
  })

  test('a source relative to the bundle', async () => {
    const { id, bundle } = sandbox.bundle(['cat', '/tmp/file'], ({ mounts }) =>
      mounts.push({ destination: '/tmp', source: 'data', options: ['bind'] }),
    )
    mkdirSync(join(bundle, 'data'))
    writeFileSync(join(bundle, 'data/file'), 'beside config.json\n')
    const made = await sandbox.runtime.run({ id, bundle, stdin: 'ignore' })
    const [piece] = await made.stdout!.toArray() as Buffer[]
    expect(String(piece)).toBe('beside config.json\n')
  })

  test.each([
    [['ro'], ['ro']], [['ro', 'rw'], ['rw']], [['nosuid', 'nodev', 'noexec'], ['nosuid', 'nodev', 'noexec']],
    [['noatime'], ['noatime']], [['nodiratime'], ['nodiratime']], [['nosymfollow'], ['nosymfollow']],
    [['nosuid', 'suid'], []],
  ])('flags of a bind mount: %j', async (options, expected) => {
    const { options: seen } = await optionsOf(options)
    expect(seen).toEqual(expect.arrayContaining(expected))
    if (options.includes('suid')) expect(seen).not.toContain('nosuid')
  })

  test('in the order of the config: a later mount covers an earlier one', async () => {
    const mounts = await table(
      { destination: '/tmp', type: 'tmpfs', source: 'one' },
      { destination: '/tmp/below/deep', type: 'tmpfs', source: 'two' },
      { destination: '/tmp', type: 'tmpfs', source: 'three' },
    )
    expect(mounts.filter(({ path }) => path.startsWith('/tmp')).map(({ path, source: name }) => `${path} ${name}`))
      .toEqual(['/tmp one', '/tmp/below/deep two', '/tmp three'])
  })

  test('tmpfs with options; without a mode it has that of the directory below', async () => {
    const script = 'stat -c %a /tmp /var; df -k /tmp | tail -1 | awk "{print \\$2}"'
    const rootfs = sandbox.rootfs()
    const { stdout } = await sandbox.output(['sh', '-c', `chmod 1777 /root; ${script}; stat -c %a /root`], (spec) => {
      spec.root.path = rootfs
      spec.mounts.push(
        { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1770', 'size=64k'] },
        { destination: '/var', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/root', type: 'tmpfs', source: 'tmpfs', options: ['mode=700'] },
      )
    })
    const var_ = (statSync(join(rootfs, 'var')).mode & 0o7777).toString(8)
    expect(stdout).toBe(`1770\n${var_}\n64\n1777\n`)
  })

  test.each([
    ['private', []],
    ['slave', []],
    ['shared', ['shared']],
    ['unbindable', ['unbindable']],
  ])('propagation %s', async (word, expected) => {
    const { propagation } = await optionsOf([word])
    expect(propagation.map((one) => one.split(':')[0]).filter((one) => one !== 'master')).toEqual(expected)
  })

  test('what a container mounts does not reach the host', async () => {
    const directory = source()
    const before = readFileSync('/proc/self/mountinfo', 'utf8')
    const made = await sandbox.run(['sleep', '1000'], ({ mounts }) =>
      mounts.push(
        { destination: '/tmp', source: directory, options: ['bind', 'shared'] },
        { destination: '/tmp/below', type: 'tmpfs', source: 'tmpfs' },
      ),
    )
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
    await made.delete({ force: true })
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
  })

  test.skipIf(reasonsAgainst(['cli', 'mountNamespaces']).length > 0)(
    'recursive flags reach what is mounted below, plain ones do not',
    async () => {
      const directory = source()
      mkdirSync(join(directory, 'below'))
      const through = [
        'unshare',
        '-m',
        '--propagation',
        'private',
        'sh',
        '-c',
        `mount -t tmpfs tmpfs ${directory}/below && exec "$@"`,
        'sh',
      ]
      const run = async (...options: string[]) => {
        const { id, bundle } = sandbox.bundle(['cat', '/proc/self/mountinfo'], ({ mounts }) =>
          mounts.push({ destination: '/tmp', source: directory, options }),
        )
        const { stdout } = await sandbox.nrunc(['run', '-b', bundle, id], { through })
        return parseMountTable(stdout)
          .filter(({ path }) => path.startsWith('/tmp'))
          .map(({ path, options: seen }) => `${path} ${seen[0]}`)
      }
      expect(await run('bind')).toEqual(['/tmp rw'])
      expect(await run('rbind')).toEqual(['/tmp rw', '/tmp/below rw'])
      expect(await run('rbind', 'ro')).toEqual(['/tmp ro', '/tmp/below rw'])
      expect(await run('rbind', 'rro')).toEqual(['/tmp ro', '/tmp/below ro'])
    },
  )

  test('a read-only /dev still has its devices', async () => {
    const mounts = await table()
    expect(mounts.find(({ path }) => path === '/dev')?.options).toContain('rw')
    const { stdout } = await sandbox.output(
      ['sh', '-c', 'echo lost > /dev/null; mkdir /dev/new 2>/dev/null || echo refused'],
      (spec) => {
        spec.mounts.find(({ destination }) => destination === '/dev')!.options!.push('ro')
      },
    )
    expect(stdout).toBe('refused\n')
  })
})
