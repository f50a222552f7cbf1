import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nativeArchitecture } from '../../../lib/seccomp/architectures.ts'
import { cachedProgram, forgetPrograms, KEPT_PROGRAMS } from '../../../lib/seccomp/cache.ts'
import { compileProgram } from '../../../lib/seccomp/compile.ts'
import type { Seccomp } from '../../../lib/spec/schema.ts'
import { containerIds } from '../../../lib/state/directory.ts'

const profile = (errnoRet = 1): Seccomp =>
  ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet, args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 1n << 40n }] }] })
const compiled = (one: Seccomp): Buffer => compileProgram(one, nativeArchitecture())

let root: string
let directory: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nrunc-cache-'))
  directory = join(root, '@seccomp')
  forgetPrograms()
})
afterEach(() => rmSync(root, { recursive: true }))

/** Another process: nothing is in memory. */
const again = (one: Seccomp): Uint8Array => {
  forgetPrograms()
  return cachedProgram(root, one)
}
const files = (): string[] => readdirSync(directory).map((name) => join(directory, name))

describe('on disk', () => {
  test('one file a profile, for its owner alone, which no id of a container can be', () => {
    expect(cachedProgram(root, profile())).toEqual(compiled(profile()))
    cachedProgram(root, profile(2))
    expect(files()).toHaveLength(2)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const file of files()) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(containerIds(root)).toEqual([])
  })

  test('is what the next process uses', () => {
    cachedProgram(root, profile())
    const [file] = files()
    const { ino } = statSync(file!)
    expect(Buffer.from(again(profile()))).toEqual(compiled(profile()))
    expect(statSync(file!).ino).toBe(ino)
  })

  test.each([
    ['cut', (content: Buffer) => content.subarray(0, content.length - 8)],
    ['changed', (content: Buffer) => Buffer.concat([content.subarray(0, -4), Buffer.from([1, 2, 3, 4])])],
    ['empty', () => Buffer.alloc(0)],
    ['too long', (content: Buffer) => Buffer.concat([content, Buffer.alloc(1 << 20)])],
  ])('a file that is %s is replaced', (_, change) => {
    cachedProgram(root, profile())
    const [file] = files()
    const good = readFileSync(file!)
    writeFileSync(file!, change(good))
    expect(Buffer.from(again(profile()))).toEqual(compiled(profile()))
    expect(readFileSync(file!)).toEqual(good)
  })

  test('a file that others can write is not used', () => {
    cachedProgram(root, profile())
    const [file] = files()
    chmodSync(file!, 0o622)
    expect(Buffer.from(again(profile()))).toEqual(compiled(profile()))
    expect(statSync(file!).mode & 0o777).toBe(0o600)
  })

  test('in a directory that others can write nothing is used: a good file could have another\'s name', () => {
    cachedProgram(root, profile())
    const [weak] = files()
    cachedProgram(root, profile(2))
    const strict = files().find((file) => file !== weak)!
    renameSync(weak!, strict)
    chmodSync(directory, 0o777)
    expect(Buffer.from(again(profile(2)))).toEqual(compiled(profile(2)))
  })

  test('nothing is written through a link, nor into a directory of others', () => {
    const elsewhere = mkdtempSync(join(root, 'elsewhere'))
    symlinkSync(elsewhere, directory)
    expect(Buffer.from(cachedProgram(root, profile()))).toEqual(compiled(profile()))
    expect(readdirSync(elsewhere)).toEqual([])
    rmSync(directory)
    mkdirSync(directory)
    chmodSync(directory, 0o777)
    again(profile())
    expect(files()).toEqual([])
  })

  test('is bounded', () => {
    for (let errno = 1; errno <= KEPT_PROGRAMS + 10; errno++) cachedProgram(root, profile(errno))
    expect(files()).toHaveLength(KEPT_PROGRAMS)
  })

  test('where nothing can be written, it goes without', () => {
    expect(Buffer.from(cachedProgram('/proc/nowhere', profile()))).toEqual(compiled(profile()))
    expect(existsSync('/proc/nowhere')).toBe(false)
  })
})

test('in memory, the same program again', () => {
  expect(cachedProgram(root, profile())).toBe(cachedProgram(root, profile()))
  expect(cachedProgram(root, profile(2))).not.toEqual(cachedProgram(root, profile()))
})
