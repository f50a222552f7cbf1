import {
  chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  checkId, checkRoot, containerDirectory, containerIds, defaultRoot, removeDirectory, takeDirectory,
} from '../../../lib/state/directory.ts'
import { thrown } from '../spec/helpers.ts'
import { temporaryDirectory } from './samples.ts'

const temporary = temporaryDirectory()
const newRoot = (): string => mkdtempSync(join(temporary, 'root-'))
const modeOf = (path: string): number => statSync(path).mode & 0o7777

describe('the state root', () => {
  test.each([
    [0, { XDG_RUNTIME_DIR: '/run/user/0' }, '/run/nrunc'],
    [1000, { XDG_RUNTIME_DIR: '/run/user/1000' }, '/run/user/1000/nrunc'],
    [1000, { XDG_RUNTIME_DIR: '' }, '/run/nrunc'], [1000, {}, '/run/nrunc'],
  ])('of uid %d with %j: %s', (uid, env, root) => {
    expect(defaultRoot(uid, env)).toBe(root)
  })

  test.each([['/run/a/', '/run/a'], ['/run/../run/b', '/run/b']])('%s is %s', (root, path) => {
    expect(checkRoot(root)).toBe(path)
  })

  test.each(['/', '//', '/run/..', ''])('%j is refused', (root) => {
    expect(thrown(() => checkRoot(root)).code).toBe('ERR_OPTION_INVALID')
  })
})

describe('ids', () => {
  test.each(['a', '0', 'A.b_c+d-e', '...', '-', 'x'.repeat(255), '0123456789abcdef'.repeat(4)])('%s', (id) => {
    expect(() => checkId(id)).not.toThrow()
  })

  test.each(['.', '..', 'a/b', '../x', 'a b', 'a\n', 'ü', 'a\0b', 'a:b', '*', 'x'.repeat(256)])('not %j', (id) => {
    expect(thrown(() => checkId(id))).toMatchObject({
      code: 'ERR_ID_INVALID', message: `invalid container ID format: ${JSON.stringify(id)}`, operand: id,
    })
  })

  test('not an empty one, nor what is no text', () => {
    expect(thrown(() => checkId(''))).toMatchObject({ code: 'ERR_ID_INVALID', message: 'container id cannot be empty' })
    for (const id of [5, null, ['a'], {}]) expect(thrown(() => checkId(id as never)).code).toBe('ERR_ID_INVALID')
  })
})

describe('taking an id', () => {
  test('makes a directory for its owner alone, in a sticky root', () => {
    const root = join(newRoot(), 'deep', 'root')
    const before = process.umask(0o077)
    try {
      expect(takeDirectory(root, 'web')).toBe(join(root, 'web'))
    } finally {
      process.umask(before)
    }
    expect([modeOf(join(root, 'web')), modeOf(root)]).toEqual([0o700, 0o1711])
    expect(containerDirectory(root, 'web')).toBe(join(root, 'web'))
  })

  test('a root that is there keeps its mode', () => {
    const root = newRoot()
    chmodSync(root, 0o750)
    takeDirectory(root, 'web')
    expect(modeOf(root)).toBe(0o750)
  })

  test('is possible once', () => {
    const root = newRoot()
    takeDirectory(root, 'web')
    writeFileSync(join(root, 'web', 'state.json'), '{}')
    expect(thrown(() => takeDirectory(root, 'web'))).toMatchObject({
      code: 'ERR_ID_EXISTS', operand: 'web',
      message: expect.stringContaining('container with given ID already exists') as string,
    })
    expect(readdirSync(join(root, 'web'))).toEqual(['state.json'])
  })

  test.each(['file', 'link'])('is not possible where a %s has the name', (kind) => {
    const root = newRoot()
    if (kind === 'file') writeFileSync(join(root, 'web'), '')
    else symlinkSync('/nowhere', join(root, 'web'))
    expect(thrown(() => takeDirectory(root, 'web')).code).toBe('ERR_ID_EXISTS')
  })

  test('a root that is a file', () => {
    const root = join(newRoot(), 'file')
    writeFileSync(root, '')
    expect(thrown(() => takeDirectory(root, 'web'))).toMatchObject({
      code: 'ERR_STATE_INVALID', errno: 'ENOTDIR', operand: join(root, 'web'),
    })
  })
})

describe('removing the directory', () => {
  test('with its files, and a bundle made for it', () => {
    const directory = takeDirectory(newRoot(), 'web')
    mkdirSync(join(directory, 'bundle/rootfs/dev'), { recursive: true })
    for (const name of ['state.json', 'state.json.new', 'exec.fifo', 'bundle/config.json']) writeFileSync(
      join(directory, name), '',
    )
    removeDirectory(directory)
    expect(existsSync(directory)).toBe(false)
  })

  test('with the state alone, and empty', () => {
    for (const name of ['a', 'b']) {
      const directory = takeDirectory(newRoot(), name)
      if (name === 'a') writeFileSync(join(directory, 'state.json'), '')
      removeDirectory(directory)
      expect(existsSync(directory)).toBe(false)
    }
  })

  test('one that is gone is no error', () => {
    expect(() => removeDirectory(join(temporary, 'nowhere'))).not.toThrow()
  })

  test('what links inside it point to stays', () => {
    const root = newRoot()
    const outside = join(root, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'file'), '')
    const directory = takeDirectory(root, 'web')
    symlinkSync(outside, join(directory, 'link'))
    symlinkSync(join(outside, 'file'), join(directory, 'state.json'))
    removeDirectory(directory)
    expect([existsSync(directory), readdirSync(outside)]).toEqual([false, ['file']])
  })
})

describe('listing', () => {
  test('ids in order; what cannot be an id is not one', () => {
    const root = newRoot()
    for (const name of ['b', 'a', 'B', 'with space', 'ü', '.hidden']) mkdirSync(join(root, name))
    expect(containerIds(root)).toEqual(['.hidden', 'B', 'a', 'b'])
  })

  test('a root that does not exist has none', () => {
    expect(containerIds(join(temporary, 'nowhere'))).toEqual([])
  })

  test('a root that is a file', () => {
    const root = join(newRoot(), 'file')
    writeFileSync(root, '')
    expect(thrown(() => containerIds(root))).toMatchObject({
      code: 'ERR_STATE_INVALID', errno: 'ENOTDIR', operand: root,
    })
  })
})
