/**
 * Pools: containers made ahead, which get their program at the moment they are asked for.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, test } from 'vitest'
import type { Container, Pool, PoolAcquire, PoolOptions } from '../../lib/index.ts'
import { bySystemd, groupRoot, testCgroups } from '../helpers/cgroup.ts'
import { runProgram } from '../helpers/cli.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { childrenOf, isRunning, linkOf, until } from '../helpers/host.ts'
import { leavesNothing, nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const library = new URL('../../dist/index.js', import.meta.url).href

const waitingInits = (): number[] => childrenOf(process.pid).filter((pid) => linkOf(`/proc/${pid}/exe`)?.includes('nrunc-init'))

describeWith([...container, 'cli'], 'pools', () => {
  const sandbox = useSandbox()
  const cgroupsParent = bySystemd ? basename(groupRoot) : join(groupRoot, sandbox.prefix)
  const open = (change?: (spec: TestSpec) => void, options: Partial<PoolOptions> = {}): Promise<Pool> =>
    sandbox.runtime.pool({ bundle: sandbox.directory, spec: sandbox.spec(['echo', 'config'], change), size: 2, cgroupsParent, fillAfter: 1, ...options })
  const acquire = async (pool: Pool, options: PoolAcquire = {}): Promise<Container> =>
    sandbox.keep(await pool.acquire({ stdin: 'ignore', ...options }))
  const output = async (made: Container): Promise<string> => {
    const { stdout, stderr, code } = await end(made)
    await made.delete()
    return `${code} ${stdout}${stderr}`
  }

  // The parent stays, as every cgroup above those of containers does.
  beforeAll(async () => {
    await using pool = await open()
    await output(await acquire(pool))
  })

  test('the program of the config, or another one with its arguments, environment, directory and host name', async () => {
    const before = snapshot(sandbox)
    const pool = await open((spec) => { spec.process.env.push('A=1') })
    expect(pool.ready).toBe(2)
    expect(await output(await acquire(pool))).toBe('0 config\n')
    const script = ['sh', '-c', 'echo $0 $A $B; pwd; hostname; exit 7', 'changed']
    const changes = { args: script, env: ['B=2', 'A=3'], cwd: '/tmp', hostname: 'other' }
    for (const _ of [1, 2, 3]) expect(await output(await acquire(pool, changes))).toBe('7 changed 3 2\n/tmp\nother\n')
    expect(await output(await acquire(pool, { args: ['hostname'] }))).toBe('0 runc\n')
    await pool.close()
    await nothingLeft(sandbox, before)
  })

  test('a terminal, of the config or of one program: the container\'s own, with its console and its size', async () => {
    const look = ['sh', '-c', 'readlink /proc/self/fd/0; stty size; grep -c " /dev/console " /proc/mounts; test -t 2 && echo to tty > /dev/tty']
    const shown = '/dev/pts/0\r\n25 81\r\n1\r\nto tty\r\n'
    const terminalSize = { rows: 25, columns: 81 }
    await leavesNothing(sandbox, async () => {
      await using pool = await open()
      for (const _ of [1, 2, 3]) {
        const made = await acquire(pool, { args: look, terminal: true, terminalSize, stdin: undefined })
        expect([made.stdin, made.stdout, made.spec.process?.terminal]).toEqual([null, null, true])
        expect([await text(made.terminal!), (await made.wait()).code]).toEqual([shown, 0])
        await made.delete()
      }
      expect((await rejection(acquire(pool, { terminal: true, stdin: 'ignore' }))).message).toBe('stdin cannot be used together with a terminal')
      expect(await output(await acquire(pool, { args: ['sh', '-c', 'test -t 0 || cat /dev/console 2>&1'] }))).toMatch(/^[1-9]/)
    })
    await leavesNothing(sandbox, async () => {
      await using pool = await open((spec) => {
        spec.process.terminal = true
        spec.process.consoleSize = { height: 25, width: 81 }
        spec.process.user = { uid: 1000, gid: 1000 }
      })
      const made = await acquire(pool, { args: look, stdin: undefined })
      expect([await text(made.terminal!), (await made.wait()).code]).toEqual([shown, 0])
      await made.delete()
      expect(await output(await acquire(pool, { terminal: false }))).toBe('0 config\n')
    })
  })

  test('a terminal needs a mount namespace, as in run', async () => {
    const rootfs = sandbox.rootfs()
    await using pool = await open((spec) => {
      spec.root = { path: rootfs }
      spec.mounts = []
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'mount')
      delete spec.linux.maskedPaths
      delete spec.linux.readonlyPaths
    })
    expect(await rejection(acquire(pool, { terminal: true, stdin: undefined }))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/process/terminal' })
    expect(await output(await acquire(pool))).toBe('0 config\n')
  })

  test('execute: a program to its end, and its container deleted', async () => {
    await using pool = await open()
    expect(await pool.execute({ args: ['cat'], input: 'in' })).toMatchObject({ stdout: 'in', exitCode: 0, failed: false })
    expect(await rejection(pool.execute({ args: ['sh', '-c', 'exit 4'] }))).toMatchObject({ exitCode: 4, failed: true })
    expect(await sandbox.runtime.list()).toEqual([])
  })

  test('what is acquired is a container like any other: streams, state, exec, kill, load, limits and rights', async () => {
    await using pool = await open((spec) => {
      spec.process.user = { uid: 1000, gid: 1000 }
      spec.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 77, hard: 99 }]
    })
    const made = await acquire(pool, { args: ['cat'], stdin: 'pipe' })
    const state = await made.state()
    expect([state.status, state.pid, state.id]).toEqual(['running', made.pid, made.id])
    expect((await sandbox.runtime.list()).map(({ id }) => id)).toEqual([made.id])
    const loaded = await sandbox.runtime.load(made.id)
    expect(loaded.spec.process?.args).toEqual(['cat'])
    const script = 'id -u; ulimit -n; ulimit -Hn; grep -E "CapEff|NoNewPrivs" /proc/1/status; ls -l /proc/1/fd | grep -c :'
    expect((await end(await made.exec({ args: ['sh', '-c', script] }))).stdout)
      .toMatch(/^1000\n77\n99\nCapEff:\s0+\nNoNewPrivs:\s1\n3\n$/)
    made.stdin!.end('through')
    expect(await end(made)).toMatchObject({ stdout: 'through', code: 0 })
    const other = await acquire(pool, { args: ['sleep', '1000'] })
    await other.kill('KILL')
    expect((await other.wait()).signal).toBe('SIGKILL')
  })

  test('each has namespaces and a cgroup of its own, below the given one', async () => {
    await using pool = await open()
    const made = await Promise.all([acquire(pool, { args: ['sleep', '1000'] }), acquire(pool, { args: ['sleep', '1000'] })])
    for (const kind of ['pid', 'mnt', 'net', 'ipc', 'uts']) {
      expect(new Set([...made.map(({ pid }) => linkOf(`/proc/${pid}/ns/${kind}`)), linkOf(`/proc/self/ns/${kind}`)]).size).toBe(3)
    }
    const name = (id: string): string => (bySystemd ? `nrunc-${id}.scope` : id)
    for (const { pid, id } of made) expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(join('/', cgroupsParent, name(id)))
  })

  test('more than are ready: the others wait for the next, and the pool is full again afterwards', async () => {
    await using pool = await open()
    const all = await Promise.all(Array.from({ length: 7 }, (_, index) => acquire(pool, { args: ['echo', String(index)] })))
    expect(await Promise.all(all.map(output))).toEqual(Array.from({ length: 7 }, (_, index) => `0 ${index}\n`))
    await until(() => pool.ready === 2)
    expect(waitingInits()).toHaveLength(2)
  })

  test('those that wait are not listed, and nothing of the container can run in them', async () => {
    await using pool = await open()
    expect(await sandbox.runtime.list()).toEqual([])
    const inits = waitingInits()
    expect(inits).toHaveLength(2)
    for (const pid of inits) expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toBe('nrunc-init\0')
    expect(pool.ready).toBe(2)
  })

  test('one that is killed while it waits is replaced, and nobody gets it', async () => {
    const before = snapshot(sandbox)
    const pool = await open()
    const [victim] = waitingInits()
    process.kill(victim!, 'SIGKILL')
    await until(() => !isRunning(victim!))
    for (const _ of [1, 2, 3]) expect(await output(await acquire(pool))).toBe('0 config\n')
    await pool.close()
    await nothingLeft(sandbox, before)
  })

  test('errors are those of run, and the pool goes on', async () => {
    const before = snapshot(sandbox)
    const pool = await open()
    const failures: [PoolAcquire, string, string | undefined][] = [
      [{ args: ['no-such-program'] }, 'ERR_PROGRAM', '/process/args/0'], [{ cwd: 'relative' }, 'ERR_CONFIG_INVALID', '/process/cwd'],
      [{ cwd: '/missing' }, 'ERR_INIT', '/process/cwd'], [{ args: [] }, 'ERR_CONFIG_INVALID', '/process/args'],
      [{ stdin: 4242 }, 'ERR_OPTION_INVALID', undefined],
    ]
    for (const [options, code, field] of failures) {
      const error = await rejection(acquire(pool, options))
      expect([error.code, error.field]).toEqual([code, field])
      expect(await output(await acquire(pool))).toBe('0 config\n')
    }
    await pool.close()
    await nothingLeft(sandbox, before)
    expect((await rejection(pool.acquire())).message).toBe('the pool is closed')
  })

  test('what a template can choose and a pool cannot is refused with the reason', async () => {
    await using pool = await open()
    const reasons = { id: 'its cgroup', mounts: 'paths of the host', annotations: 'its hooks', cgroupsPath: 'cgroupsParent', hooks: 'option of the pool' }
    for (const [operand, reason] of Object.entries(reasons)) {
      const error = await rejection(acquire(pool, { [operand]: undefined } as PoolAcquire))
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', operand })
      expect(error.message).toContain(`cannot choose ${operand} for a container that was made ahead: `)
      expect(error.message).toContain(reason)
    }
    expect(await rejection(acquire(pool, { agrs: [] } as PoolAcquire))).toMatchObject({ operand: 'agrs', hint: 'did you mean "args"?' })
  })

  test('a config that cannot be pooled is refused with its fields', async () => {
    const error = await rejection(open((spec) => {
      spec.linux.cgroupsPath = '/one'
      spec.annotations = { 'run.oci.hooks.stdout': '/tmp/out' }
      spec.hooks = { startContainer: [{ path: '/bin/true' }] }
    }, { cgroupsParent: undefined }))
    expect([error.code, error.field, error.problems.map(({ field }) => field)]).toEqual([
      'ERR_POOL', '/linux/cgroupsPath', ['/linux/cgroupsPath', '/annotations/run.oci.hooks.stdout'],
    ])
    for (const [name, value] of [['size', 0], ['size', 1.5], ['fillAfter', -1]] as const) {
      expect((await rejection(open(undefined, { [name]: value }))).operand).toBe(name)
    }
    expect((await rejection(open(undefined, { sise: 3 } as object))).code).toBe('ERR_OPTION_INVALID')
  })

  test('a config whose containers cannot be made: the error of create, and nothing stays', async () => {
    const error = await leavesNothing(sandbox, () => rejection(open(({ mounts }) => {
      mounts.push({ destination: '/x', type: 'no-such-type', source: 'x' })
    })))
    expect([error.code, error.field]).toEqual(['ERR_INIT', '/mounts/7'])
  })

  test('close gives up those that wait for a container, and those that are being made', async () => {
    const before = snapshot(sandbox)
    const pool = await open(undefined, { size: 1 })
    const calls = Array.from({ length: 32 }, () => acquire(pool, { args: ['true'] }))
    const settled = Promise.allSettled(calls)
    await calls[0]
    await pool.close()
    const results = await settled
    expect(results.some(({ status }) => status === 'rejected')).toBe(true)
    for (const result of results) {
      if (result.status === 'rejected') expect((result.reason as Error).message).toBe('the pool is closed')
      else await result.value.delete({ force: true })
    }
    await nothingLeft(sandbox, before)
  })

  test('hooks: runtime hooks before, start hooks and poststop with the container; poststop also for one never used', async () => {
    const file = join(sandbox.directory, 'pool-hooks')
    writeFileSync(file, '')
    const hook = (word: string) => ({ path: '/bin/sh', args: ['sh', '-c', `echo ${word} >> ${file}`] })
    const pool = await open((spec) => {
      spec.hooks = { createRuntime: [hook('createRuntime')], poststart: [hook('poststart')], poststop: [hook('poststop')] }
    }, { size: 1, fillAfter: 60_000 })
    const lines = (): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean)
    expect(lines()).toEqual(['createRuntime'])
    const made = await acquire(pool)
    expect(lines().filter((word) => word === 'poststart')).toHaveLength(1)
    await output(made)
    await until(() => pool.ready === 1)
    await pool.close()
    expect(lines().sort()).toEqual(['createRuntime', 'createRuntime', 'poststart', 'poststop', 'poststop'])
  })

  test('when the process that made it is killed, what waits ends, and can be deleted', async () => {
    const root = join(sandbox.directory, 'killed')
    mkdirSync(root)
    const spec = sandbox.spec(['true'])
    const parent = join(groupRoot, `${sandbox.prefix}-killed`)
    const script = `
      const { Runtime } = await import(${JSON.stringify(library)})
      const pool = await new Runtime({ root: ${JSON.stringify(root)} }).pool(${JSON.stringify({ spec, bundle: '/', size: 3, cgroupsParent: parent })})
      process.kill(process.pid, 'SIGKILL')`
    await runProgram([process.execPath, '--input-type=module', '-e', script])
    const { Runtime } = await import('../../lib/index.ts')
    const runtime = new Runtime({ root })
    const ids = readdirSync(root)
    expect(ids).toHaveLength(3)
    const pids = ids.map((id) => (JSON.parse(readFileSync(join(root, id, 'state.json.new'), 'utf8')) as { init_process_pid: number }).init_process_pid)
    await until(() => !pids.some(isRunning))
    expect(await runtime.list()).toEqual([])
    for (const id of ids) await runtime.delete(id, { force: true })
    expect(readdirSync(root)).toEqual([])
    expect(testCgroups(`${sandbox.prefix}-killed/`)).toEqual([])
    expect(existsSync(root)).toBe(true)
  })

  test('a deadline ends the call that waits for a container, and the program that runs', async () => {
    await using pool = await open(undefined, { size: 1 })
    const made = await acquire(pool, { args: ['sleep', '1000'], timeout: 300, gracePeriod: 0 })
    expect((await made.wait()).signal).toBe('SIGKILL')
    const aborted = new AbortController()
    await until(() => pool.ready === 1)
    const [first, second] = [acquire(pool), acquire(pool, { signal: aborted.signal })]
    aborted.abort()
    expect((await rejection(second)).code).toBe('ERR_ABORTED')
    expect(await output(await first)).toBe('0 config\n')
  })
})
