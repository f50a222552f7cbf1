/**
 * How the programs are built: no memory that is both writable and executable, nothing that is resolved late, guards on the
 * stack. And the sealed init is looked at before each exec.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { type CliResult, program, runProgram } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { DT, ET, PT, readElf, type Segment } from '../helpers/elf.ts'
import { commandLineOf, linkOf, until } from '../helpers/host.ts'
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

  test.each(programs)('%s: code and data are in pages of their own', (name) => {
    const pages = ({ offset, size }: Segment): number[] => [Math.floor(offset / 4096), Math.floor((offset + size - 1) / 4096)]
    const loaded = readElf(built(name)).segments.filter(({ type, size }) => type === PT.LOAD && size > 0)
    const code = loaded.filter(({ executable }) => executable).map(pages), data = loaded.filter(({ executable }) => !executable).map(pages)
    expect(code.length).toBeGreaterThan(0)
    expect(data.length).toBeGreaterThan(0)
    const shared = code.filter(([first = 0, last = 0]) => data.some(([from = 0, to = 0]) => from <= last && first <= to))
    expect(shared).toEqual([])
  })

  test.skipIf(process.arch !== 'x64')('the addon: is marked as made for shadow stacks (x86-64)', () => {
    const SHSTK = 2
    expect(readElf(built('nrunc.node')).features & SHSTK).toBe(SHSTK)
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
    expect(segments.filter(({ type }) => type === PT.INTERP)).toEqual([])
    expect([DT.NEEDED, DT.RELA, DT.REL, DT.RELR].filter((tag) => dynamic.has(tag))).toEqual([])
  })

  test('the launcher is at another address each time', () => {
    expect(readElf(built('nrunc_launcher')).type).toBe(ET.DYN)
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

describeWith([...container, 'cli', 'faults'], 'a file of init', () => {
  const sandbox = useSandbox()
  const words = (id: string, bundle: string): string[] => ['--root', sandbox.root, 'run', '-b', bundle, id]

  /** From its first call on, with FAULT in the WHEN-th fcntl(2) of each thread; all of these calls. strace(1), "Tampering". */
  const traced = async (words: readonly string[], fault: string, when: number): Promise<CliResult & { readonly trace: string }> => {
    const file = join(mkdtempSync(join(sandbox.directory, 'trace-')), 'trace')
    const tracer = ['strace', '-f', '-qq', '-b', 'execve', '-o', file, '-e', 'trace=fcntl', '-e', `inject=fcntl:${fault}:when=${when}`]
    const result = await runProgram([...tracer, process.execPath, program, ...words])
    return { ...result, trace: readFileSync(file, 'latin1') }
  }

  /** Which of the calls of fcntl(2) of its thread it is that seals. */
  const occasion = async (): Promise<number> => {
    const { id, bundle } = sandbox.bundle(['true'])
    const { trace } = await traced(words(id, bundle), 'retval=0', 10_000)
    const calls = trace.split('\n').filter((line) => line.includes('fcntl('))
    const at = calls.findIndex((line) => line.includes('F_ADD_SEALS'))
    expect(at, trace).toBeGreaterThanOrEqual(0)
    const thread = calls[at]!.split(' ')[0]
    return calls.slice(0, at + 1).filter((line) => line.split(' ')[0] === thread).length
  }

  /** The files called nrunc-init that a process has open. */
  const unsealed = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).flatMap((pid) => {
    try {
      if (!commandLineOf(Number(pid)).includes(sandbox.root)) return []
      return readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`).filter((path) => linkOf(path)?.startsWith('/memfd:nrunc-init'))
    } catch {
      return [] // it has just ended
    }
  })

  /** How often a file was to be sealed: one that is not taken is followed by another. */
  const made = (trace: string): number => trace.split('F_ADD_SEALS').length - 1
  const hello = { code: 0, stdout: 'hello\n' }

  test('is not executed when it was not sealed, whatever fcntl(2) says', async () => {
    const when = await occasion()
    const { id, bundle } = sandbox.bundle(['echo', 'hello'])
    const attempt = () => leavesNothing(sandbox, () => traced(words(id, bundle), 'retval=0', when))
    // The call of that number is refused to every thread: another thread's may have been one that made a descriptor.
    const missed = (trace: string) => /F_DUPFD.*INJECTED/.test(trace)
    let result = await attempt()
    for (let tries = 1; missed(result.trace) && tries < 10; tries++) result = await attempt()
    expect(result.trace).toMatch(/F_ADD_SEALS.*INJECTED/)
    expect(result).toMatchObject(hello)
    expect(made(result.trace), result.trace).toBe(2)
  })

  test('is not executed when somebody wrote to it before it was sealed', async () => {
    const when = await occasion()
    const { id, bundle } = sandbox.bundle(['echo', 'hello'])
    const running = traced(words(id, bundle), 'delay_enter=5000000', when)
    let size = 0
    await until(() => {
      const before = size
      size = unsealed().map((path) => statSync(path).size)[0] ?? 0
      return size > 0 && size === before
    })
    const file = openSync(unsealed()[0]!, 'r+')
    writeSync(file, 'X', size - 1)
    closeSync(file)
    const result = await running
    expect(result).toMatchObject(hello)
    expect(made(result.trace), result.trace).toBe(2)
  })
})
