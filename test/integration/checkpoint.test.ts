/**
 * `checkpoint` and `restore` with a criu that only talks: what it is asked for, what it is given, and what happens when
 * it fails. With the real one: criu.test.ts.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { isAlive } from '../../lib/state/status.ts'
import { cgroupOf, cgroupsPathOf } from '../helpers/cgroup.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { FakeCriu } from '../helpers/criu.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Pty } from '../helpers/pty.ts'

const needs = [...container, 'cli', 'compiler'] as const

describeWith(needs, 'checkpoint', () => {
  const sandbox = useSandbox()
  let criu: FakeCriu
  let count = 0
  beforeAll(() => { criu = new FakeCriu() })
  beforeEach(() => { criu.does('') })

  const nrunc = (words: readonly string[], options = {}) => sandbox.nrunc(words, { env: criu.env, ...options })
  const images = () => join(sandbox.directory, `images-${++count}`)
  const running = async (change?: (spec: TestSpec) => void) => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], change)
    expect(await sandbox.nrunc(['run', '-d', '-b', bundle, id])).toMatchObject({ code: 0, stderr: '' })
    return { id, bundle }
  }
  const done = { code: 0, stdout: '', stderr: '' }

  test('the container is gone afterwards, and the images have what its streams were connected to', async () => {
    const { id } = await running()
    const path = images()
    expect(await nrunc(['checkpoint', '--image-path', path, id])).toEqual(done)
    expect(criu.requests.map(({ type }) => type)).toEqual([10, 1])
    expect(criu.options).toMatchObject({ pid: expect.any(Number), logFile: 'dump.log', leaveRunning: false, shellJob: false })
    expect(JSON.parse(readFileSync(join(path, 'descriptors.json'), 'utf8'))).toHaveLength(3)
    expect(existsSync(join(path, 'dump.log'))).toBe(true)
    expect((await sandbox.nrunc(['state', id])).code).toBe(1)
  })

  test('--leave-running: it goes on', async () => {
    const { id } = await running()
    expect(await nrunc(['checkpoint', '--leave-running', '--leave-running', '--image-path', images(), id])).toEqual(done)
    expect(criu.options.leaveRunning).toBe(true)
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running' })
  })

  test('the default of --image-path is ./checkpoint', async () => {
    const { id, bundle } = await running()
    expect(await nrunc(['checkpoint', id], { cwd: bundle })).toEqual(done)
    expect(readdirSync(join(bundle, 'checkpoint')).sort()).toEqual(['descriptors.json', 'dump.log'])
  })

  test('--work-path has the log', async () => {
    const { id } = await running()
    const [path, work] = [images(), join(images(), 'work')]
    expect(await nrunc(['checkpoint', '--image-path', path, '--work-path', work, id])).toEqual(done)
    expect([readdirSync(path), readdirSync(work)]).toEqual([['descriptors.json'], ['dump.log']])
  })

  test('a flag that is on or off is a field of the request', async () => {
    const { id } = await running()
    const names = ['tcp-established', 'tcp-skip-in-flight', 'ext-unix-sk', 'shell-job', 'file-locks', 'link-remap', 'auto-dedup']
    const words = [...names.map((name) => `--${name}`), '--leave-running', '--manage-cgroups-mode', 'full', '--empty-ns', 'network', '--network-lock', 'nftables']
    expect(await nrunc(['checkpoint', ...words, '--page-server', '127.0.0.1:7', '--image-path', images(), id])).toEqual(done)
    expect(criu.options).toMatchObject({
      tcpEstablished: true, tcpSkipInFlight: true, extUnixSk: true, shellJob: true, fileLocks: true, linkRemap: true, autoDedup: true,
      manageCgroupsMode: 4, emptyNamespaces: 0x40000000, networkLock: 2, pageServer: { address: '127.0.0.1', port: 7 },
    })
  })

  test('mounts of the host, devices and masked files are external; the freezer is that of the container', async () => {
    const data = join(sandbox.directory, 'data')
    mkdirSync(data, { recursive: true })
    const { id } = await running(({ mounts }) => mounts.push({ destination: '/mnt', source: data, options: ['bind'] }))
    expect(await nrunc(['checkpoint', '--image-path', images(), id])).toEqual(done)
    const { externalMounts = [], freezeCgroup } = criu.options
    expect(externalMounts).toEqual(expect.arrayContaining([
      { key: '/mnt', val: '/mnt' }, { key: '/dev/zero', val: '/dev/zero' }, { key: '/proc/timer_list', val: '/dev/null' },
    ]))
    expect(externalMounts.map(({ key }) => key)).not.toContain('/proc/scsi')
    expect(freezeCgroup).toContain(id)
  })

  test('--pre-dump, and --parent-path for what has changed since', async () => {
    const { id } = await running()
    const first = images(), second = images()
    expect(await nrunc(['checkpoint', '--pre-dump', '--image-path', first, id])).toEqual(done)
    expect(criu.requests.map(({ type }) => type)).toEqual([10, 9, 4])
    expect(existsSync(join(first, 'descriptors.json'))).toBe(false)
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running' })
    criu.does('')
    const parent = `../${first.slice(first.lastIndexOf('/') + 1)}`
    mkdirSync(second)
    expect(await nrunc(['checkpoint', '--parent-path', parent, '--image-path', second, id])).toEqual(done)
    expect(criu.options).toMatchObject({ parentImage: parent, trackMemory: true })
  })

  test('--lazy-pages with --status-fd: a zero byte when the server of the pages is ready', async () => {
    const { id } = await running()
    const words = `exec 5>"$1"; shift; exec "$@"`
    const file = join(sandbox.directory, 'status')
    const through = ['sh', '-c', words, 'sh', file]
    expect(await nrunc(['checkpoint', '--lazy-pages', '--status-fd', '5', '--image-path', images(), id], { through })).toEqual(done)
    expect(readFileSync(file)).toEqual(Buffer.from([0]))
    expect(criu.requests.map(({ type }) => type)).toEqual([10, 9, 1])
    expect(criu.options).toMatchObject({ lazyPages: true })
    expect(criu.options.statusFd).toBeUndefined()
  })

  test('an old criu gets the descriptor itself', async () => {
    const { id } = await running()
    criu.does('version 31400')
    const through = ['sh', '-c', 'exec 5>/dev/null; exec "$@"', 'sh']
    expect(await nrunc(['checkpoint', '--lazy-pages', '--status-fd', '5', '--image-path', images(), id], { through })).toEqual(done)
    expect(criu.options).toMatchObject({ statusFd: 5 })
  })

  test('a paused container', async () => {
    const { id } = await running()
    await sandbox.nrunc(['pause', id])
    expect(await nrunc(['checkpoint', '--leave-running', '--image-path', images(), id])).toEqual(done)
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'paused' })
    expect(await nrunc(['checkpoint', '--image-path', images(), id])).toEqual(done)
    expect((await sandbox.nrunc(['resume', id])).code).toBe(1)
  })

  test('org.criu.config: a file with settings for this container', async () => {
    const { id } = await running((spec) => Object.assign(spec, { annotations: { 'org.criu.config': '/etc/criu/mine.conf' } }))
    expect(await nrunc(['checkpoint', '--image-path', images(), id])).toEqual(done)
    expect(criu.options.configFile).toBe('/etc/criu/mine.conf')
  })

  test('a failure has the last errors of the log, and the container goes on', async () => {
    const { id } = await running()
    criu.does('fails 22')
    const path = images()
    expect(await nrunc(['checkpoint', '--image-path', path, id])).toMatchObject({
      code: 1, stderr: expect.stringContaining(`criu failed: type DUMP errno 22: (criu/test.c:1): the first error; (criu/test.c:2): the last error (log file: ${path}/dump.log)`),
    })
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running' })
  })

  test.each([
    ['version 20900', [], 'criu version 20900 must be 30000 or higher'],
    ['dies', [], 'criu version check failed: criu ended without an answer'],
    ['featureless', ['--pre-dump'], 'criu is missing features: memoryTracking'],
    ['featureless', ['--lazy-pages'], 'criu is missing features: lazyPages'],
    ['', ['--parent-path', '/tmp'], '--parent-path must be relative'],
    ['', ['--parent-path', 'nonexistent'], 'invalid --parent-path: ENOENT'],
    ['', ['--page-server', '1.2.3.4'], 'Use --page-server ADDRESS:PORT to specify page server'],
    ['', ['--page-server', '1.2.3.4:x'], 'Invalid port number'],
    ['', ['--manage-cgroups-mode', 'none'], 'invalid manage-cgroups-mode value'],
    ['', ['--network-lock', 'none'], 'invalid network-lock value'],
    ['', ['--empty-ns', 'ipc'], 'ipc'],
    ['', ['--lazy-pages', '--status-fd', '77'], 'invalid --status-fd argument 77: bad file descriptor'],
    ['', ['--lazy-pages', '--status-fd', '0'], 'invalid --status-fd argument 0: not writable'],
  ])('%s %j: %s', async (behaviour, words, message) => {
    const { id } = await running()
    criu.does(behaviour)
    expect(await nrunc(['checkpoint', ...words, '--image-path', images(), id])).toMatchObject({ code: 1, stderr: expect.stringContaining(message) })
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running' })
  })

  test('a container that is not running', async () => {
    const { id, bundle } = sandbox.bundle(['true'])
    await sandbox.nrunc(['create', '-b', bundle, id])
    const attempt = () => nrunc(['checkpoint', '--image-path', images(), id])
    expect(await attempt()).toMatchObject({ code: 1, stderr: expect.stringContaining('container cannot be checkpointed in created state') })
    await sandbox.nrunc(['start', id])
    await expect.poll(async () => (await attempt()).stderr, { timeout: 20_000 }).toContain('cannot be checkpointed in stopped state')
    expect(criu.requests).toEqual([])
  })

  test('without criu', async () => {
    const { id } = await running()
    const through = ['unshare', '-m', 'sh', '-c', 'for one in /usr/sbin/criu /usr/bin/criu; do [ ! -e $one ] || mount --bind /etc/passwd $one; done; exec "$@"', 'sh']
    const words = ['checkpoint', '--image-path', images(), id]
    expect(await sandbox.nrunc(words, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, through })).toMatchObject({
      code: 1, stderr: expect.stringContaining('cannot find criu in PATH'),
    })
  })

  test('checkpoint --help and restore --help: podman asks for it before everything else', async () => {
    for (const name of ['checkpoint', 'restore']) {
      expect(await nrunc([name, '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('--tcp-established'), stderr: '' })
    }
    expect((await nrunc(['restore', '--lsm-mount-context'])).stdout + (await nrunc(['restore', '--lsm-mount-context'])).stderr)
      .toContain('flag needs an argument')
  })
})

describeWith(needs, 'restore', () => {
  const sandbox = useSandbox()
  let criu: FakeCriu
  let count = 0
  beforeAll(() => { criu = new FakeCriu() })
  beforeEach(() => { criu.does('') })

  const nrunc = (words: readonly string[], options = {}) => sandbox.nrunc(words, { env: criu.env, ...options })
  const checkpoint = (descriptors: readonly string[] = ['/dev/null', 'pipe:[123]', '/x']) => {
    const path = join(sandbox.directory, `checkpoint-${++count}`)
    mkdirSync(path)
    writeFileSync(join(path, 'descriptors.json'), JSON.stringify(descriptors))
    return path
  }
  /** Nothing of a container is left. */
  const expectNothing = async (id: string) => {
    expect(existsSync(join(sandbox.root, id))).toBe(false)
    expect((await sandbox.runtime.list()).map((one) => one.id)).not.toContain(id)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('criu-root')
  }

  test('--detach with --pid-file and -no-subreaper, as containerd calls it; the process is in its cgroups', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const pidFile = join(bundle, 'init.pid')
    const words = ['--image-path', checkpoint(), '--work-path', join(bundle, 'work'), '--detach', '--pid-file', pidFile, '-no-subreaper', '--bundle', bundle]
    expect(await nrunc(['restore', ...words, id])).toMatchObject({ code: 0, stdout: 'restored\n', stderr: '' })
    const pid = Number(readFileSync(pidFile, 'utf8'))
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ id, status: 'running', pid, bundle })
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(id)
    expect(criu.facts).toContain('root mounted')
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('criu-root')
    expect(existsSync(join(bundle, 'work/restore.log'))).toBe(true)
    await sandbox.nrunc(['kill', id, 'KILL'])
    await expect.poll(async () => JSON.parse((await sandbox.nrunc(['state', id])).stdout).status, { timeout: 20_000 }).toBe('stopped')
    expect(await sandbox.nrunc(['delete', id])).toMatchObject({ code: 0 })
    await expectNothing(id)
  })

  test('the request: root, mounts, streams, cgroups, and what the flags say', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], ({ mounts }) => mounts.push({ destination: '/mnt', source: '/srv', options: ['bind'] }))
    const names = ['tcp-established', 'tcp-close', 'ext-unix-sk', 'shell-job', 'file-locks', 'auto-dedup', 'lazy-pages']
    const words = [...names.map((name) => `--${name}`), '--manage-cgroups-mode', 'ignore', '--empty-ns', 'network', '--network-lock', 'skip',
      '--lsm-profile', 'apparmor:x', '--lsm-mount-context', 'y']
    expect(await nrunc(['restore', '-d', ...words, '--image-path', checkpoint(), '-b', bundle, id])).toMatchObject({ code: 0, stderr: '' })
    expect(criu.options).toMatchObject({
      root: join(sandbox.root, id, 'criu-root'), restoreSibling: true, evasiveDevices: true, logFile: 'restore.log',
      tcpEstablished: true, tcpClose: true, extUnixSk: true, shellJob: true, fileLocks: true, autoDedup: true, lazyPages: true,
      manageCgroupsMode: 0, emptyNamespaces: 0x40000000, networkLock: 3, lsmProfile: 'apparmor:x', lsmMountContext: 'y',
      inheritFd: [{ key: 'pipe:[123]', fd: 1 }],
      externalMounts: expect.arrayContaining([{ key: '/mnt', val: '/srv' }, { key: '/dev/null', val: '/dev/null' }]),
    })
    const roots = (criu.options.cgroupRoots ?? []).map(({ controller, path }) => `${controller} ${path}`)
    expect(roots.length).toBeGreaterThan(0)
    expect(roots.some((one) => one.endsWith(cgroupOf(id)))).toBe(true)
    expect(criu.facts.filter((fact) => fact.startsWith('cgroup')).some((fact) => fact.endsWith(cgroupOf(id)))).toBe(true)
  })

  test('in the foreground: its end is the end of the command, with its code, and it is deleted', async () => {
    criu.does('short')
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    expect(await nrunc(['restore', '--image-path', checkpoint(), '-b', bundle, id])).toEqual({ code: 3, stdout: 'restored\n', stderr: '' })
    await expectNothing(id)
  })

  test('--console-socket gets the master of its terminal', async () => {
    criu.does('terminal')
    const { id, bundle } = sandbox.bundle(['sh'], ({ process }) => { process.terminal = true })
    const socket = join(sandbox.directory, 'restored.sock')
    const pty = await Pty.listen(socket)
    try {
      expect(await nrunc(['restore', '-d', '--console-socket', socket, '--image-path', checkpoint([]), '-b', bundle, id])).toMatchObject({ code: 0, stderr: '' })
      expect((await pty.received()).descriptors).toBe(1)
      await pty.shows(/restored/)
    } finally {
      pty.close()
    }
    expect(await nrunc(['restore', '-d', '--image-path', checkpoint([]), '-b', bundle, `${id}-other`])).toMatchObject({
      code: 1, stderr: expect.stringContaining('cannot allocate tty if nrunc will detach without setting console socket'),
    })
  })

  test('--no-pivot has no effect, and says so', async () => {
    criu.does('short')
    const { id, bundle } = sandbox.bundle(['true'])
    expect(await nrunc(['restore', '--no-pivot', '--image-path', checkpoint(), '-b', bundle, id])).toMatchObject({
      code: 3, stderr: expect.stringContaining('--no-pivot has no effect'),
    })
  })

  test('a namespace that is given by its path comes as a descriptor', async () => {
    criu.does('short')
    const { id, bundle } = sandbox.bundle(['true'], ({ linux }) => {
      linux.namespaces = linux.namespaces.map((one) => (one.type === 'network' ? { ...one, path: `/proc/${process.pid}/ns/net` } : one))
    })
    expect(await nrunc(['restore', '--image-path', checkpoint(), '-b', bundle, id])).toMatchObject({ code: 3, stderr: '' })
    expect(criu.options.inheritFd).toContainEqual({ key: 'extRootNetNS', fd: 4 })
    expect(criu.facts).toContainEqual(expect.stringMatching(/^\/proc\/self\/fd\/4 net:\[\d+\]$/))
  })

  test('mount points that the root file system lacks are made, inside of it whatever its links say', async () => {
    criu.does('short')
    const rootfs = sandbox.rootfs()
    const { symlinkSync } = await import('node:fs')
    symlinkSync(sandbox.directory, join(rootfs, 'out'))
    const { id, bundle } = sandbox.bundle(['true'], (spec) => {
      spec.root = { path: rootfs }
      spec.mounts.push({ destination: '/new/deep', source: '/srv', options: ['bind'] }, { destination: '/new/file', source: '/etc/passwd', options: ['bind'] },
        { destination: '/out/nowhere', source: '/srv', options: ['bind'] })
    })
    const before = readdirSync(sandbox.directory)
    const result = await nrunc(['restore', '--image-path', checkpoint(), '-b', bundle, id])
    expect(readdirSync(join(rootfs, 'new')).sort()).toEqual(['deep', 'file'])
    expect(readdirSync(sandbox.directory).filter((name) => !before.includes(name) && !/^(checkpoint|cli)-/.test(name))).toEqual([])
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('/out/nowhere') })
  })

  test('prestart and createRuntime hooks run when the namespaces are there; one that fails ends it', async () => {
    const log = join(sandbox.directory, 'hooks')
    const hook = (script: string) => ({ path: '/bin/sh', args: ['sh', '-c', script] })
    const { id, bundle } = sandbox.bundle(['true'], (spec) => {
      spec.hooks = { prestart: [hook(`cat >> ${log}`)], createRuntime: [hook(`cat >> ${log}`)] }
    })
    criu.does('short')
    expect(await nrunc(['restore', '--image-path', checkpoint(), '-b', bundle, id])).toMatchObject({ code: 3, stderr: '' })
    const [first, second] = readFileSync(log, 'utf8').split(/(?<=\})(?=\{)/).map((text) => JSON.parse(text))
    expect(first).toMatchObject({ id, status: 'creating', bundle, pid: expect.any(Number) })
    expect(second).toEqual(first)

    const broken = sandbox.bundle(['true'], (spec) => { spec.hooks = { createRuntime: [hook('exit 5')] } })
    criu.does('')
    expect(await nrunc(['restore', '--image-path', checkpoint(), '-b', broken.bundle, broken.id])).toMatchObject({
      code: 1, stderr: expect.stringContaining('error running createRuntime hook #0: exit status 5'),
    })
    await expectNothing(broken.id)
  })

  test.each([
    ['early', 'criu failed: type RESTORE errno 22: (criu/test.c:1): the first error; (criu/test.c:2): the last error'], ['late', 'criu failed: type RESTORE errno 5'],
    ['version 20900', 'criu version 20900 must be 30000 or higher'], ['version 31500', '--lsm-profile requires at least criu 3.16'],
  ])('%s: nothing is left behind', async (behaviour, message) => {
    const { id, bundle } = sandbox.bundle(['true'])
    criu.does(behaviour)
    const pid = join(bundle, 'pid')
    const words = ['restore', '--lsm-profile', 'apparmor:x', '--pid-file', pid, '--image-path', checkpoint(), '-b', bundle, id]
    expect(await nrunc(words)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) })
    expect(existsSync(pid)).toBe(false)
    await expectNothing(id)
  })

  test('an id that is taken, and a directory that is no checkpoint', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    await sandbox.nrunc(['run', '-d', '-b', bundle, id])
    expect(await nrunc(['restore', '--image-path', checkpoint(), '-b', bundle, id])).toMatchObject({
      code: 1, stderr: expect.stringContaining('container with given ID already exists'),
    })
    expect(JSON.parse((await sandbox.nrunc(['state', id])).stdout)).toMatchObject({ status: 'running' })
    const other = `${id}-other`
    expect(await nrunc(['restore', '--image-path', '/nonexistent', '-b', bundle, other])).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') })
    await expectNothing(other)
  })

  test('the library: streams, the end, no zombie', async () => {
    const before = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
    Object.assign(process.env, criu.env)
    try {
      const id = sandbox.id()
      const spec = sandbox.spec(['sleep', '1000'], ({ linux }) => { linux.cgroupsPath = cgroupsPathOf(id) })
      const restored = sandbox.keep(await sandbox.runtime.restore({ id, bundle: sandbox.directory, spec, stdin: 'ignore', imagePath: checkpoint() }))
      const { text } = await import('node:stream/consumers')
      const [output, error] = [text(restored.stdout!), text(restored.stderr!)]
      expect((await restored.state()).status).toBe('running')
      await restored.kill('SIGTERM')
      expect(await restored.wait()).toMatchObject({ code: 7, signal: null })
      expect([await output, await error]).toEqual(['restored\n', ''])
      await expect.poll(() => existsSync(`/proc/${restored.pid}`), { timeout: 20_000 }).toBe(false)
      expect(isAlive(restored.pid, '0')).toBe(false)
      await restored.delete()
      await expectNothing(id)
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
  })
})
