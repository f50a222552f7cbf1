/**
 * Hooks: when, where and with what they run. Source: runtime-spec config.md "POSIX-platform Hooks", runtime.md
 * "Lifecycle".
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { Hook, Spec, State } from '../../lib/index.ts'
import { testCgroups } from '../helpers/cgroup.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { isRunning, linkOf } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { bitsOf } from '../helpers/probe.ts'

type Kind = keyof NonNullable<Spec['hooks']>
const kinds: readonly Kind[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
]

describeWith(container, 'hooks', () => {
  const sandbox = useSandbox()
  let out = ''
  beforeEach(() => { out = mkdtempSync(join(sandbox.directory, 'hooks-')) })

  /** A hook that runs a script. `$out` is a directory of the host, in the container too: it is mounted there. */
  const hook = (script: string, more: Partial<Hook> = {}): Hook =>
    ({ path: '/bin/sh', args: ['sh', '-c', `out=${out}; ${script}`], ...more })
  const mountOut = (spec: TestSpec): void => {
    spec.mounts.push({ destination: out, type: 'none', source: out, options: ['bind'] })
    spec.root.readonly = false
    spec.root.path = ownRootfs()
  }
  // Mount points are made in it.
  let rootfs: string | undefined
  const ownRootfs = (): string => rootfs ??= sandbox.rootfs()
  const read = (name: string): string => readFileSync(join(out, name), 'utf8')
  const lines = (name: string): string[] => read(name).trim().split('\n')

  test('run in the order of the specification, around the program', async () => {
    const made = await sandbox.create(['sh', '-c', `echo program >> ${out}/order`], (spec) => {
      mountOut(spec)
      spec.hooks = Object.fromEntries(
        kinds.map((kind) => [kind, [hook(`echo ${kind} 1 >> $out/order`), hook(`echo ${kind} 2 >> $out/order`)]]),
      )
    })
    const two = (kind: Kind) => [`${kind} 1`, `${kind} 2`]
    expect(lines('order')).toEqual(
      ['prestart', 'createRuntime', 'createContainer'].flatMap((kind) => two(kind as Kind)),
    )
    await made.start()
    await made.wait()
    // The program and the poststart hooks run side by side.
    const afterStart = lines('order').slice(6)
    expect(afterStart.slice(0, 2)).toEqual(two('startContainer'))
    expect(afterStart.filter((line) => line !== 'program').slice(2)).toEqual(two('poststart'))
    expect(afterStart).toContain('program')
    await made.delete()
    expect(lines('order').slice(11)).toEqual(two('poststop'))
  })

  test('run() runs the same hooks', async () => {
    const made = await sandbox.run(['true'], (spec) => {
      mountOut(spec)
      spec.hooks = Object.fromEntries(kinds.map((kind) => [kind, [hook(`echo ${kind} >> $out/order`)]]))
    })
    await made.wait()
    await made.delete()
    expect(lines('order')).toEqual(kinds)
  })

  test('get the state as JSON: the status of the moment, and the pid of the container\'s process', async () => {
    const made = await sandbox.create(['sleep', '1000'], (spec) => {
      mountOut(spec)
      spec.annotations = { key: 'va/lue' }
      spec.hooks = Object.fromEntries(kinds.map((kind) => [kind, [hook(`cat > $out/${kind}`)]]))
    })
    await made.start()
    const common = {
      ociVersion: made.spec.ociVersion,
      id: made.id,
      bundle: made.bundle,
      annotations: { key: 'va/lue' },
    }
    const state = (kind: Kind) => JSON.parse(read(kind)) as State
    for (const kind of ['prestart', 'createRuntime', 'createContainer'] as const) {
      expect(state(kind), kind).toMatchObject({ ...common, status: 'creating', pid: made.pid })
    }
    expect(state('startContainer')).toMatchObject({ ...common, status: 'created', pid: made.pid })
    expect(state('poststart')).toMatchObject({ ...common, status: 'running', pid: made.pid })
    await made.delete({ force: true })
    expect(state('poststop')).toMatchObject({ ...common, status: 'stopped' })
    expect(state('poststop').pid ?? 0).toBe(0)
    // Consumers read it with simple tools: compact, one line, slashes as they are.
    expect(read('createContainer')).toContain('"key":"va/lue"')
    expect(read('createContainer').trim()).not.toContain('\n')
  })

  test('run in the runtime\'s or in the container\'s namespaces', async () => {
    const made = await sandbox.create(['sleep', '1000'], (spec) => {
      mountOut(spec)
      spec.hooks = Object.fromEntries(
        kinds.map((kind) => [
          kind,
          [hook(`for n in mnt net uts ipc pid; do readlink /proc/self/ns/$n; done > $out/${kind}`)],
        ]),
      )
    })
    await made.start()
    const own = ['mnt', 'net', 'uts', 'ipc', 'pid'].map((name) => linkOf(`/proc/self/ns/${name}`))
    const containers = ['mnt', 'net', 'uts', 'ipc', 'pid'].map((name) => linkOf(`/proc/${made.pid}/ns/${name}`))
    await made.delete({ force: true })
    for (const kind of ['prestart', 'createRuntime', 'poststart', 'poststop']) expect(lines(kind), kind).toEqual(own)
    expect(lines('startContainer')).toEqual(containers)
    // Before the pivot /proc is the host's, where the hook's own entry has another number.
    expect(lines('createContainer')[0]).toBe(containers[0])
  })

  test('createContainer: the host\'s files are still there, the container\'s are mounted', async () => {
    const made = await sandbox.create(['true'], (spec) => {
      mountOut(spec)
      spec.hooks = {
        createContainer: [hook(`ls -d ${spec.root.path}/proc/1 ${spec.root.path}/dev/null ${out} > $out/seen`)],
      }
    })
    const { path } = made.spec.root
    expect(lines('seen')).toEqual([`${path}/dev/null`, `${path}/proc/1`, out].sort())
  })

  test('startContainer: only the container\'s files are there, and it runs at start', async () => {
    const made = await sandbox.create(['true'], (spec) => {
      mountOut(spec)
      spec.hooks = { startContainer: [hook('cat /etc/passwd > $out/passwd; ls / > $out/root')] }
    })
    expect(existsSync(join(out, 'passwd'))).toBe(false)
    await made.start()
    expect(read('passwd')).toContain('/home/user')
    expect(lines('root')).toContain('proc')
  })

  test('run in the bundle\'s directory, those in the container in the root', async () => {
    const made = await sandbox.create(['true'], (spec) => {
      mountOut(spec)
      spec.hooks = Object.fromEntries(kinds.map((kind) => [kind, [hook(`pwd > $out/${kind}`)]]))
    })
    await made.start()
    await made.wait()
    await made.delete()
    for (const kind of ['prestart', 'createRuntime', 'poststart', 'poststop'])
      expect(read(kind), kind).toBe(`${sandbox.directory}\n`)
    expect(read('startContainer')).toBe('/\n')
  })

  test('have the environment of the spec, or a search path alone', async () => {
    process.env['NRUNC_TEST_SECRET'] = 'secret'
    const made = await sandbox.create(['true'], (spec) => {
      mountOut(spec)
      const show = (name: string): string => `cat /proc/self/environ > $out/${name}`
      const both = (kind: Kind): Hook[] => [
        hook(show(`${kind}-none`)),
        hook(show(`${kind}-own`), { env: ['A=1', 'PATH=/bin:/usr/bin'] }),
      ]
      spec.hooks = Object.fromEntries(kinds.map((kind) => [kind, both(kind)]))
    })
    await made.start()
    await made.wait()
    await made.delete()
    // Shells add some of their own.
    const seen = (name: string): string[] =>
      read(name)
        .split('\0')
        .filter((entry) => /^(?!PWD=|SHLVL=|_=)./.test(entry))
        .sort()
    for (const kind of kinds) {
      expect(seen(`${kind}-none`), kind).toEqual(['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'])
      expect(seen(`${kind}-own`), kind).toEqual(['A=1', 'PATH=/bin:/usr/bin'])
    }
  })

  test('args are argv, the path is only what is executed', async () => {
    await sandbox.create(['true'], (spec) => {
      spec.hooks = {
        createRuntime: [{ path: '/bin/sh', args: ['other', '-c', `echo "$0 $1" > ${out}/args`, 'zero', 'one'] }],
      }
    })
    expect(read('args')).toBe('zero one\n')
  })

  test.each(['prestart', 'createRuntime', 'createContainer'] as const)(
    'a failing %s hook aborts create, and nothing is left',
    async (kind) => {
      const id = sandbox.id()
      const error = await rejection(
        sandbox.create(
          ['true'],
          (spec) => {
            spec.hooks = {
              [kind]: [hook('cat > $out/state; echo to stdout; echo to stderr >&2; exit 3')],
              poststop: [hook('echo ran > $out/poststop')],
            }
            if (kind === 'createContainer') spec.linux.cgroupsPath = `/nrunc-test/${id}`
          },
          { id },
        ),
      )
      expect([error.code, error.field]).toEqual(['ERR_HOOK', `/hooks/${kind}/0`])
      expect(error.message).toContain('to stderr')
      expect(isRunning((JSON.parse(read('state')) as State).pid)).toBe(false)
      expect([testCgroups(id), existsSync(join(sandbox.root, id))]).toEqual([[], false])
      expect(read('poststop')).toBe('ran\n') // the life cycle goes on at the deletion
    },
  )

  test('a failing startContainer hook fails start, and the program does not run', async () => {
    const made = await sandbox.create(['sh', '-c', 'echo ran'], (spec) => {
      spec.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'echo why >&2; exit 3'] }] }
    })
    const error = await rejection(made.start())
    expect([error.code, error.field]).toEqual(['ERR_HOOK', '/hooks/startContainer/0'])
    expect(error.message).toContain('why')
    expect((await end(made)).stdout).toBe('')
    expect((await made.state()).status).toBe('stopped')
  })

  test('a failing poststart hook ends the container', async () => {
    const made = await sandbox.create(['sleep', '1000'], (spec) => { spec.hooks = { poststart: [hook('exit 3')] } })
    const error = await rejection(made.start())
    expect([error.code, error.field]).toEqual(['ERR_HOOK', '/hooks/poststart/0'])
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('a failing poststop hook is a warning, and the next one runs', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error): void => { warnings.push(warning) }
    process.on('warning', listen)
    const made = await sandbox.run(['true'], (spec) => {
      spec.hooks = { poststop: [hook('exit 3'), hook('echo ran > $out/second')] }
    })
    await made.wait()
    await made.delete()
    expect(read('second')).toBe('ran\n')
    await expect
      .poll(() => warnings.map(({ message }) => message))
      .toEqual([expect.stringContaining('poststop hook #0')])
    process.off('warning', listen)
    expect(existsSync(join(sandbox.root, made.id))).toBe(false)
  })

  test.each(['createRuntime', 'createContainer'] as const)('a %s hook that takes too long is killed', async (kind) => {
    const error = await rejection(sandbox.create(['true'], (spec) => {
      spec.hooks = { [kind]: [hook('echo $$ > $out/pid; exec sleep 1000', { timeout: 1 })] }
    }))
    expect([error.code, error.field]).toEqual(['ERR_HOOK', `/hooks/${kind}/0`])
    expect(error.message).toMatch(/timed out/)
    if (kind === 'createRuntime') expect(isRunning(Number(read('pid')))).toBe(false)
  })

  test('the time of a hook may be longer than its milliseconds fit into 32 bits', async () => {
    const made = await sandbox.create(['true'], (spec) => {
      spec.hooks = { createRuntime: [hook('sleep 1; echo ran > $out/ran', { timeout: 4_294_968 })] }
    })
    expect(read('ran')).toBe('ran\n')
    await made.delete()
  })

  test('a hook that does not exist is named', async () => {
    for (const kind of ['createRuntime', 'createContainer'] as const) {
      const error = await rejection(
        sandbox.create(['true'], (spec) => {
          spec.hooks = { [kind]: [{ path: '/no/such/hook' }] }
        }),
      )
      expect([error.code, error.field, error.operand, error.errno], kind).toEqual([
        'ERR_HOOK',
        `/hooks/${kind}/0`,
        '/no/such/hook',
        'ENOENT',
      ])
    }
  })

  test('a hook inherits no descriptor, no signal of Node', async () => {
    const made = await sandbox.create(['true'], (spec) => {
      mountOut(spec)
      const script = 'ls -l /proc/self/fd > $out/fds; grep -E "Sig(Ign|Blk)" /proc/self/status > $out/signals'
      spec.hooks = {
        createRuntime: [hook(script.replaceAll('$out/', '$out/runtime-'))],
        createContainer: [hook(script.replaceAll('$out/', '$out/container-'))],
      }
    })
    expect(made.id).toBeTruthy()
    for (const where of ['runtime', 'container']) {
      // The fourth is the directory that ls reads.
      const descriptors = lines(`${where}-fds`).flatMap((line) => / (\d+) -> /.exec(line)?.[1] ?? [])
      expect(descriptors, where).toEqual(['0', '1', '2', '3'])
      const [blocked, ignored] = lines(`${where}-signals`).map((line) => bitsOf(line.split('\t')[1]))
      expect(blocked, where).toEqual([])
      // glibc's posix_spawn leaves its own two signals, 32 and 33, ignored.
      expect(ignored?.filter((bit) => bit !== 31 && bit !== 32), where).toEqual([])
    }
  })
})
