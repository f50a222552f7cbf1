/**
 * Containers of an ordinary user: alone, with one id, and with subordinate ids through newuidmap and newgidmap.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliOptions, runProgram } from '../helpers/cli.ts'
import type { Spec, State } from '../../lib/index.ts'
import { childrenOf, isRunning, refuseMounts, someone, until } from '../helpers/host.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { bitsOf, parseProbe } from '../helpers/probe.ts'
import { type Home, makeHome } from '../helpers/rootless.ts'

describeWith([...container, 'cli', 'compiler', 'rootless'], 'an ordinary user', () => {
  let home: Home
  let count = 0
  beforeAll(() => { home = makeHome() })
  afterAll(() => { refuseMounts(home.directory) })

  /** A bundle as `spec --rootless` makes it, changed. */
  const bundle = async (args: readonly string[], change: (spec: Spec) => void = () => {}) => {
    const id = `rootless-${process.pid}-${++count}`
    const directory = join(home.directory, id)
    mkdirSync(directory)
    chownSync(directory, someone.uid, someone.gid)
    expect(await home.nrunc(['spec', '--rootless', '-b', directory])).toEqual({ code: 0, stdout: '', stderr: '' })
    const config = join(directory, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec
    spec.root.path = bench().rootfs
    Object.assign(spec.process!, { terminal: false, args })
    change(spec)
    writeFileSync(config, JSON.stringify(spec))
    return { id, directory, root: join(home.directory, 'state') }
  }
  const run = async (args: readonly string[], change?: (spec: Spec) => void) => {
    const { id, directory, root } = await bundle(args, change)
    return home.nrunc(['--root', root, 'run', '-b', directory, id])
  }

  test('spec --rootless, then --root DIR run', async () => {
    expect(await run(['id', '-u'])).toEqual({ code: 0, stdout: '0\n', stderr: '' })
    expect((await run(['sh', '-c', 'exit 7'])).code).toBe(7)
  })

  test('few processes (RLIMIT_NPROC): it runs, or says what is missing, and nothing stays', async () => {
    const codes = []
    // With 2 or 3, Node waits for ever for those of its threads that it could not make; so it does with 4 to 6 where the
    // launcher does not start it.
    for (const limit of [4, 5, 6, 7, 8, 12, 24]) {
      const { id, directory, root } = await bundle(['true'])
      const words = home.words('--root', root, '--debug', 'run', '-b', directory, id)
      const { code, stderr } = await runProgram(['prlimit', `--nproc=${limit}`, ...words], { env: { HOME: home.directory } })
      codes.push(code)
      // Node ends itself when it cannot have its own threads.
      if (code === 1) expect.soft(stderr, `${limit}`).toMatch(/\\"code\\":\\"ERR_/)
      if (existsSync(join(root, id))) expect(await home.nrunc(['--root', root, 'delete', '--force', id]), `${limit}`).toMatchObject({ code: 0 })
      expect(existsSync(join(root, id))).toBe(false)
    }
    expect(codes.at(-1)).toBe(0)
    expect(codes.some((code) => code !== 0)).toBe(true)
  })

  test('spec --rootless maps the user, and asks for nothing that takes privilege', async () => {
    const { directory } = await bundle(['true'])
    const { linux, mounts } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as Spec
    expect(linux?.uidMappings).toEqual([{ containerID: 0, hostID: someone.uid, size: 1 }])
    expect(linux?.gidMappings).toEqual([{ containerID: 0, hostID: someone.gid, size: 1 }])
    expect(linux?.namespaces?.map(({ type }) => type)).toEqual(expect.not.arrayContaining(['network']))
    expect(linux?.resources).toBeUndefined()
    expect(JSON.stringify(mounts)).not.toMatch(/[ug]id=/)
  })

  test('is root in a user namespace with one id, and cannot change groups', async () => {
    const { stdout } = await run(['cat', '/proc/self/uid_map', '/proc/self/gid_map', '/proc/self/setgroups'])
    expect(stdout.trim().split('\n').map((line) => line.trim().split(/\s+/).join(' ')))
      .toEqual([`0 ${someone.uid} 1`, `0 ${someone.gid} 1`, 'deny'])
    const { status } = parseProbe((await run(['probe'])).stdout)
    expect([status['Uid'], bitsOf(status['CapEff']), bitsOf(status['CapAmb']), status['NoNewPrivs']])
      .toEqual(['0\t0\t0\t0', [5, 10, 29], [], '1'])
  })

  test('gets a filter of system calls, with and without no_new_privs', async () => {
    for (const noNewPrivileges of [true, false]) {
      const { stdout } = await run(['probe'], ({ process, linux }) => {
        process!.noNewPrivileges = noNewPrivileges
        linux!.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['swapon'], action: 'SCMP_ACT_ERRNO' }] }
      })
      const { status } = parseProbe(stdout)
      expect([status['Seccomp'], status['NoNewPrivs'], bitsOf(status['CapEff'])]).toEqual(['2', noNewPrivileges ? '1' : '0', [5, 10, 29]])
    }
  })

  test('has the mounts and devices of the spec', async () => {
    const script = [
      'echo lost > /dev/null; stat -c "%t:%T" /dev/null /dev/zero; hostname; ls /dev/pts/ptmx',
      'echo x > /dev/shm/x; cat /dev/shm/x; ls /sys > /dev/null',
    ]
    expect(await run(['sh', '-c', script.join('; ')])).toEqual({
      code: 0,
      stdout: '1:3\n1:5\nrunc\n/dev/pts/ptmx\nx\n',
      stderr: '',
    })
    expect((await run(['sh', '-c', 'mkdir /new 2>&1'])).stdout).toContain('Read-only file system')
    expect((await run(['sh', '-c', 'mkdir /sys/fs/cgroup/new 2>/dev/null || echo refused'])).stdout).toBe('refused\n')
  })

  test('create, start, state, exec, kill, delete', async () => {
    const { id, directory, root } = await bundle(['sleep', '1000'])
    const nrunc = (...words: string[]) => home.nrunc(['--root', root, ...words])
    const quiet = { code: 0, stdout: '', stderr: '' }
    expect(await nrunc('create', '-b', directory, id)).toEqual(quiet)
    const state = async () => JSON.parse((await nrunc('state', id)).stdout) as State
    expect(await state()).toMatchObject({ id, status: 'created', bundle: directory })
    expect(await nrunc('start', id)).toEqual(quiet)
    const { pid, status } = await state()
    expect(status).toBe('running')
    expect(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]).toBe(String(someone.uid))
    expect(await nrunc('exec', id, 'sh', '-c', 'id -u; cat /proc/1/cmdline')).toEqual({
      ...quiet,
      stdout: '0\nsleep\x001000\0',
    })
    expect(await nrunc('kill', id, 'KILL')).toEqual(quiet)
    await until(() => !isRunning(pid))
    expect(await nrunc('delete', id)).toEqual(quiet)
    expect(existsSync(join(root, id))).toBe(false)
  })

  test('without --root the state is below XDG_RUNTIME_DIR', async () => {
    const { id, directory } = await bundle(['true'])
    const options = { env: { XDG_RUNTIME_DIR: join(home.directory, 'run') } }
    expect(await home.nrunc(['create', '-b', directory, id], options)).toMatchObject({ code: 0 })
    expect(existsSync(join(home.directory, 'run/nrunc', id, 'state.json'))).toBe(true)
    expect(await home.nrunc(['delete', id], options)).toMatchObject({ code: 0 })
  })

  test('the embedded default: spec --host --rootless, run', async () => {
    const directory = join(home.directory, 'embedded')
    mkdirSync(directory)
    chownSync(directory, someone.uid, someone.gid)
    expect(
      await home.nrunc([
        'spec',
        '--host',
        '--rootless',
        '-b',
        directory,
        'cat',
        '/etc/hostname',
        '/proc/sys/kernel/hostname',
      ]),
    ).toMatchObject({ code: 0 })
    const result = await home.nrunc(['--root', join(home.directory, 'state'), 'run', '-b', directory, 'embedded'])
    expect(result.stdout).toContain('nrunc\n')
  })

  test('a mapping of somebody else\'s ids is refused, and nothing is left', async () => {
    const { id, directory, root } = await bundle(['true'], ({ linux }) => {
      linux!.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
    })
    const before = childrenOf(1).length
    const { code, stdout, stderr } = await home.nrunc(['--root', root, 'run', '-b', directory, id])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/\/linux\/uidMappings/)
    expect(existsSync(join(root, id))).toBe(false)
    await until(() => childrenOf(1).length <= before)
  })
})

describeWith(
  [...container, 'cli', 'compiler', 'rootless', 'subordinateIds', 'mountNamespaces'],
  'an ordinary user with subordinate ids',
  () => {
    let home: Home
    beforeAll(() => {
      home = makeHome()
    })

    const run = (id: string, args: readonly string[], change: (spec: Spec) => void = () => {}, options: CliOptions = {}) => {
      const directory = join(home.directory, id)
      mkdirSync(directory)
      const spec = JSON.parse(readFileSync(join(home.directory, 'config.json'), 'utf8')) as Spec
      spec.root.path = bench().rootfs
      Object.assign(spec.process!, { terminal: false, args })
      spec.linux!.uidMappings = [
        { containerID: 0, hostID: someone.uid, size: 1 },
        { containerID: 1, hostID: 200_000, size: 65535 },
      ]
      spec.linux!.gidMappings = [
        { containerID: 0, hostID: someone.gid, size: 1 },
        { containerID: 1, hostID: 300_000, size: 65535 },
      ]
      change(spec)
      writeFileSync(join(directory, 'config.json'), JSON.stringify(spec))
      return home.nruncWithSubordinateIds(['--root', join(home.directory, 'state'), 'run', '-b', directory, id], options)
    }
    beforeAll(async () => {
      expect(await home.nrunc(['spec', '--rootless'])).toMatchObject({ code: 0 })
    })

    test('newuidmap and newgidmap write the maps', async () => {
      const { stdout, stderr } = await run('maps', [
        'cat',
        '/proc/self/uid_map',
        '/proc/self/gid_map',
        '/proc/self/setgroups',
      ])
      expect(stderr).toBe('')
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.trim().split(/\s+/).join(' ')),
      ).toEqual([`0 ${someone.uid} 1`, '1 200000 65535', `0 ${someone.gid} 1`, '1 300000 65535', 'allow'])
    })

    test('the program can be another user, with groups', async () => {
      const { stdout } = await run('user', ['probe'], ({ process }) => {
        process!.user = { uid: 1000, gid: 1001, additionalGids: [5] }
      })
      const { status } = parseProbe(stdout)
      expect([status['Uid'], status['Gid'], status['Groups']?.trim()]).toEqual([
        '1000\t1000\t1000\t1000',
        '1001\t1001\t1001\t1001',
        '5',
      ])
    })

    test("more than the user has is refused in the helper's words, and nothing is left", async () => {
      const { code, stderr } = await run('greedy', ['true'], ({ linux }) => {
        linux!.uidMappings![1]!.size = 70_000
      })
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/newuidmap.*uid range \[1-70001\).*not allowed.*\/linux\/uidMappings/s),
      ])
      expect(existsSync(join(home.directory, 'state/greedy'))).toBe(false)
    })

    test('a helper that hangs is ended, and nothing is left', async () => {
      const helpers = join(home.directory, 'helpers')
      mkdirSync(helpers)
      writeFileSync(join(helpers, 'newuidmap'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 })
      const { code, stderr } = await run('hanging', ['true'], undefined, { env: { PATH: `${helpers}:${process.env['PATH']}` } })
      expect([code, stderr]).toEqual([1, expect.stringMatching(/helpers\/newuidmap.*timed out.*\/linux\/uidMappings/s)])
      expect(existsSync(join(home.directory, 'state/hanging'))).toBe(false)
    })
  },
)
