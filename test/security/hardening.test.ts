/**
 * How the programs are built: no memory that is both writable and executable, nothing that is resolved late, guards on the
 * stack. And the sealed init is looked at before each exec.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { useSandbox } from '../helpers/containers.ts'
import { DT, PT, readElf } from '../helpers/elf.ts'
import { linkOf } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const built = (name: string): string => fileURLToPath(new URL(`../../build/Release/${name}`, import.meta.url))
const programs = ['nrunc.node', 'nrunc_init', 'nrunc_launcher']

describe.skipIf(!programs.every((name) => existsSync(built(name))))('the binaries (needs a build of one\'s own)', () => {
  test.each(programs)('%s: no segment is writable and executable, nor is the stack', (name) => {
    const { segments } = readElf(built(name))
    expect(segments.filter(({ writable, executable }) => writable && executable)).toEqual([])
    expect(segments.filter(({ type }) => type === PT.GNU_STACK).map(({ executable }) => executable)).toEqual([false])
  })

  test('the addon: full RELRO, no relocation of code, no search path', () => {
    const { segments, dynamic } = readElf(built('nrunc.node'))
    const BIND_NOW = 8n, NOW = 1n
    expect(segments.some(({ type }) => type === PT.GNU_RELRO)).toBe(true)
    expect(dynamic.has(DT.BIND_NOW) || ((dynamic.get(DT.FLAGS) ?? 0n) & BIND_NOW) !== 0n).toBe(true)
    expect((dynamic.get(DT.FLAGS_1) ?? 0n) & NOW).toBe(NOW)
    expect([DT.TEXTREL, DT.RPATH, DT.RUNPATH].filter((tag) => dynamic.has(tag))).toEqual([])
  })

  test('the addon: functions with buffers check the stack', () => {
    expect(readElf(built('nrunc.node')).names.has('__stack_chk_fail')).toBe(true)
  })

  test.each(['nrunc_init', 'nrunc_launcher'])('%s: static, without anything that is resolved when it starts', (name) => {
    const { segments, dynamic } = readElf(built(name))
    expect(segments.filter(({ type }) => type === PT.INTERP || type === PT.DYNAMIC)).toEqual([])
    expect(dynamic.size).toBe(0)
  })
})

describeWith(container, 'the sealed init', () => {
  const sandbox = useSandbox()
  const opened: number[] = []
  afterEach(() => { for (const fd of opened.splice(0)) closeSync(fd) })

  const images = (): number[] =>
    readdirSync('/proc/self/fd').map(Number).filter((fd) => linkOf(`/proc/self/fd/${fd}`)?.startsWith('/memfd:nrunc-init'))
  const image = (): number => {
    expect(images()).toHaveLength(1)
    return images()[0]!
  }
  const hello = async (): Promise<unknown> => sandbox.output(['echo', 'hello'])
  const said = { code: 0, signal: null, stdout: 'hello\n', stderr: '' }

  test('is one file of this process, which nobody can change', async () => {
    expect(await hello()).toEqual(said)
    const fd = image()
    expect(await hello()).toEqual(said)
    expect(image()).toBe(fd)
    const writable = openSync(`/proc/self/fd/${fd}`, 'r+')
    opened.push(writable)
    expect(() => writeSync(writable, 'x')).toThrow(/EPERM/)
    expect(() => ftruncateSync(writable, 1)).toThrow(/EPERM/)
    if (existsSync(built('nrunc_init'))) {
      expect(readFileSync(`/proc/self/fd/${fd}`).equals(readFileSync(built('nrunc_init')))).toBe(true)
    }
  })

  test('another program under its number is not executed', async () => {
    await hello()
    const fd = image()
    closeSync(fd)
    const wrong = join(sandbox.rootfs(), 'bin/busybox')
    while (!opened.includes(fd)) opened.push(openSync(wrong, 'r'))
    expect(linkOf(`/proc/self/fd/${fd}`)).toBe(wrong)
    expect(await hello()).toEqual(said)
    expect(image()).not.toBe(fd)
    expect(fstatSync(fd).ino, 'what has the number now is left alone').toBe(fstatSync(opened[0]!).ino)
  })

  test('held open for writing it cannot be executed: another one is made', async () => {
    await hello()
    const fd = image()
    opened.push(openSync(`/proc/self/fd/${fd}`, 'r+'))
    expect(await leavesNothing(sandbox, hello)).toEqual(said)
    const held = fstatSync(opened[0]!).ino
    expect(images().map((one) => fstatSync(one).ino).filter((inode) => inode !== held)).toHaveLength(1)
  })

  test('a number that was closed is not used', async () => {
    await hello()
    closeSync(image())
    expect(await hello()).toEqual(said)
  })
})
