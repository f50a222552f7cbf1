/**
 * A process that is added to a container whose files are made for it: /etc/passwd and /etc/group, /proc, the directories of
 * PATH, programs that are none.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { makeCanary } from '../helpers/canary.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'

describeWith([...container, 'compiler'], 'exec into a hostile container', () => {
  const sandbox = useSandbox()
  const hostile = async (prepare: (rootfs: string) => void, args: readonly string[] = ['sleep', '1000'], change: (spec: TestSpec) => void = () => {}) => {
    const rootfs = sandbox.rootfs()
    prepare(rootfs)
    return sandbox.run(args, (spec) => {
      spec.root = { path: rootfs, readonly: false }
      change(spec)
    })
  }
  const probe = async (made: Container) => parseProbe((await end(await made.exec({ args: ['probe'], env: ['PATH=/bin'], stdin: 'ignore' }))).stdout)
  const make = (rootfs: string, name: string, ...words: readonly string[]): void => {
    rmSync(join(rootfs, name), { force: true })
    expect(spawnSync(words[0]!, [...words.slice(1)], { cwd: rootfs }).status).toBe(0)
  }

  test.each<[string, (rootfs: string, name: string) => void]>([
    ['a FIFO', (rootfs, name) => make(rootfs, name, 'mkfifo', name)],
    ['a directory', (rootfs, name) => make(rootfs, name, 'mkdir', name)],
    ['a device without an end', (rootfs, name) => make(rootfs, name, 'ln', '-s', '/dev/zero', name)],
    ['a link to itself', (rootfs, name) => make(rootfs, name, 'ln', '-s', `/${name}`, name)],
    ['one line of a gigabyte', (rootfs, name) => make(rootfs, name, 'truncate', '-s', '1G', name)],
    ['a megabyte of colons', (rootfs, name) => writeFileSync(join(rootfs, name), ':'.repeat(1 << 20))],
    ['numbers that are none', (rootfs, name) => writeFileSync(join(rootfs, name), 'a:x:-0:0::/bad:\nb:x:0x0:0::/bad:\nc:x::0::/bad:\nd:x:4294967296:0::/bad:\ne:x:18446744073709551616:0::/bad:\nf:x: 0:0::/bad:\n')],
    ['nothing', (rootfs, name) => rmSync(join(rootfs, name))],
  ])('%s at /etc/passwd and /etc/group: it runs, and its home is /', async (_, replace) => {
    const made = await hostile((rootfs) => {
      replace(rootfs, 'etc/passwd')
      replace(rootfs, 'etc/group')
    })
    const { env, status } = await probe(made)
    expect(env).toContain('HOME=/')
    expect([status['Uid'], status['Groups']?.trim()]).toEqual(['0\t0\t0\t0', ''])
  })

  test('a terminal at /etc/passwd does not become that of the process', async () => {
    const made = await hostile(() => {}, ['sh', '-c', 'probe terminal | while read -r name; do ln -sf $name /etc/passwd; echo ready; done'])
    for await (const line of made) {
      expect(line).toBe('ready')
      break
    }
    expect((await made.execute({ args: ['readlink', '/etc/passwd'] })).stdout).toBe('/dev/pts/0')
    const { env, terminal } = await probe(made)
    expect(env).toContain('HOME=/')
    expect(terminal).toBe(null)
  })

  test('a home of 10,000 bytes is none, and one with odd bytes stays data', async () => {
    const made = await hostile((rootfs) => writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/$(touch x)\t"\':/bin/sh\n'))
    expect((await probe(made)).env).toContain('HOME=/$(touch x)\t"\'')
    const long = await hostile((rootfs) => writeFileSync(join(rootfs, 'etc/passwd'), `root:x:0:0::/${'x'.repeat(10_000)}:/bin/sh\n`))
    const home = (await probe(long)).env.find((one) => one.startsWith('HOME='))
    expect(home).toBe('HOME=/')
  })

  test.each([
    ['a file system of its own on /proc', 'mount -t tmpfs none /proc; mkdir -p /proc/self/fd /proc/self/attr /proc/1; for f in self/oom_score_adj self/attr/exec 1/oom_score_adj; do echo fake > /proc/$f; done'],
    ['/proc of its own on /proc', 'mount -t proc none /proc; mount --bind /etc/passwd /proc/self/oom_score_adj 2>/dev/null'],
    ['no /proc', 'umount -l /proc'],
  ])('%s: what is written for the process goes to the kernel', async (_, script) => {
    const made = await hostile(() => {}, ['sh', '-c', `${script}; echo ready; exec sleep 1000`], ({ process, linux }) => {
      const all = ['CAP_SYS_ADMIN']
      process.capabilities = { bounding: all, permitted: all, effective: all }
      linux.maskedPaths = linux.readonlyPaths = []
    })
    for await (const line of made) if (line === 'ready') break
    const added = await made.exec({ process: { args: ['sleep', '1000'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'], oomScoreAdj: 300 }, stdin: 'ignore' })
    expect(readFileSync(`/proc/${added.pid}/oom_score_adj`, 'utf8')).toBe('300\n')
    await added.kill('KILL')
    await added.wait()
    await made.execute({ args: ['true'] })
  })

  test('PATH: what is no program is passed over, and descriptors and /proc lead nowhere', async () => {
    const canary = makeCanary(sandbox.directory)
    const made = await hostile((rootfs) => {
      for (const name of ['one', 'two', 'three', 'four']) mkdirSync(join(rootfs, name))
      mkdirSync(join(rootfs, 'one/program'))
      make(rootfs, 'two/program', 'mkfifo', '-m', '755', 'two/program')
      writeFileSync(join(rootfs, 'three/program'), '#!/bin/sh\necho wrong\n', { mode: 0o644 })
      writeFileSync(join(rootfs, 'four/program'), '#!/bin/sh\necho found\n', { mode: 0o755 })
      writeFileSync(join(rootfs, 'program'), '#!/bin/sh\necho here\n', { mode: 0o755 })
    })
    const run = (path: string, program = 'program') => made.exec({ process: { args: [program], cwd: '/', user: { uid: 0, gid: 0 }, env: [`PATH=${path}`] }, stdin: 'ignore' })
    // The execute bits of a FIFO do not make it a program: it is found, and refused.
    const fifo = await rejection(run('/one:/two:/four'))
    expect([fifo.code, fifo.errno]).toEqual(['ERR_PROGRAM', 'EACCES'])
    expect((await end(await run('/one:/three:/four'))).stdout).toBe('found\n')
    expect((await end(await run('/one::/four'))).stdout).toBe('here\n')
    const numbers = Array.from({ length: 64 }, (_, number) => number)
    for (const path of [numbers.map((number) => `/proc/self/fd/${number}/..${canary.directory}`).join(':'), '/proc/1/cwd:/proc/self/root/nothing', ':'.repeat(4000), `/${'x/'.repeat(3000)}`]) {
      const error = await leavesNothing(sandbox, () => rejection(run(path, 'file')))
      expect([error.code, error.message]).toEqual(['ERR_PROGRAM', expect.stringContaining('executable file not found in $PATH')])
    }
  })

  test.each([
    ['a script that is its own interpreter', '#!/program\n', 'ELOOP'],
    ['an interpreter that does not exist', '#!/nothing\n', 'ENOENT'],
    ['an interpreter of 5,000 bytes', `#!/${'x'.repeat(5000)}\n`, 'ENOEXEC'],
    ['no program at all', 'nothing', 'ENOEXEC'],
    ['a program that is cut off', '\x7fELF', 'ENOEXEC'],
  ])('%s is an error', async (_, text, errno) => {
    const made = await hostile((rootfs) => writeFileSync(join(rootfs, 'program'), text, { mode: 0o755 }))
    const error = await leavesNothing(sandbox, () => rejection(made.exec({ args: ['/program'], stdin: 'ignore' })))
    expect([error.code, error.errno]).toEqual(['ERR_PROGRAM', errno])
  })
})
