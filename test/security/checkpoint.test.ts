/**
 * Images of a checkpoint that somebody has changed, and a directory for them that was prepared. What criu makes of its own
 * files is not looked at: whoever can write to the images decides what is restored (SECURITY.md).
 */
import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { makeCanary } from '../helpers/canary.ts'
import { useSandbox } from '../helpers/containers.ts'
import { FakeCriu } from '../helpers/criu.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli', 'compiler'], 'images of a checkpoint', () => {
  const sandbox = useSandbox()
  let criu: FakeCriu
  beforeAll(async () => {
    criu = new FakeCriu()
    await sandbox.output(['true'])
  })
  beforeEach(() => { criu.does('') })
  const nrunc = (...words: readonly string[]) => sandbox.nrunc(words, { env: criu.env })
  const images = () => mkdtempSync(join(sandbox.directory, 'images-'))

  test('a link in the place of the list of descriptors is replaced, and not followed', async () => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    const made = await sandbox.run(['sleep', '1000'])
    const path = images()
    symlinkSync(canary.file, join(path, 'descriptors.json'))
    expect(await nrunc('checkpoint', '--image-path', path, made.id)).toMatchObject({ code: 0, stderr: '' })
    expect(canary.look()).toEqual(before)
    expect(lstatSync(join(path, 'descriptors.json')).isFile()).toBe(true)
  })

  test('nobody else can look into images that are made, nor write to them', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const path = join(sandbox.directory, 'made'), work = join(sandbox.directory, 'work')
    expect(await nrunc('checkpoint', '--image-path', path, '--work-path', work, made.id)).toMatchObject({ code: 0 })
    expect([path, work, join(path, 'descriptors.json')].map((one) => statSync(one).mode & 0o777)).toEqual([0o700, 0o700, 0o600])
  })

  test.each<[string, (path: string) => void]>([
    ['a FIFO', (path) => { spawnSync('mkfifo', [path]) }],
    ['a directory', (path) => mkdirSync(path)],
    ['a device', (path) => symlinkSync('/dev/zero', path)],
    ['a link to itself', (path) => symlinkSync(path, path)],
    ['a gigabyte', (path) => { spawnSync('truncate', ['-s', '1G', path]) }],
    ['no JSON', (path) => writeFileSync(path, '["/dev/null"')],
    ['no list', (path) => writeFileSync(path, '{"0":"/dev/null"}')],
    ['no texts', (path) => writeFileSync(path, '[1,2,3]')],
    ['a hundred pipes', (path) => writeFileSync(path, JSON.stringify(Array<string>(100).fill('pipe:[1]')))],
    ['a list without an end', (path) => writeFileSync(path, '['.repeat(100_000))],
  ])('%s in the place of the list of descriptors: an error, and nothing is left', async (_, make) => {
    const path = images()
    make(join(path, 'descriptors.json'))
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const result = await leavesNothing(sandbox, () => nrunc('restore', '--detach', '--image-path', path, '--bundle', bundle, id))
    expect([result.code, result.stdout, result.stderr]).toEqual([1, '', expect.stringContaining('descriptors.json')])
  })

  test('names of the host\'s files are not opened: criu gets streams of the caller, and only where pipes were', async () => {
    const path = images()
    writeFileSync(join(path, 'descriptors.json'), JSON.stringify(['/etc/shadow', 'pipe:[7]', '/proc/1/mem']))
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    await nrunc('restore', '--detach', '--image-path', path, '--bundle', bundle, id)
    expect(criu.options.inheritFd).toEqual([{ key: 'pipe:[7]', fd: 1 }])
    await sandbox.nrunc(['delete', '--force', id])
  })
})
