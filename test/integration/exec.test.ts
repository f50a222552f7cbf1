/**
 * Processes that are added to a running container, through the library.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Container, ExecOptions } from '../../lib/index.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { bitsOf, parseProbe } from '../helpers/probe.ts'

const namespaces = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']

describeWith([...container, 'compiler'], 'exec', () => {
  const sandbox = useSandbox()
  const start = (change?: (spec: TestSpec) => void) => sandbox.run(['sleep', '1000'], change)
  const output = async (made: Container, args: readonly string[], options: ExecOptions = {}) =>
    end(await made.exec({ args, stdin: 'ignore', ...options }))
  const probe = async (made: Container, options?: ExecOptions) => {
    const { stdout, stderr } = await output(made, ['probe'], options)
    expect(stderr).toBe('')
    return parseProbe(stdout)
  }

  test('is in the namespaces and the cgroups of the container', async () => {
    const made = await start(({ linux }) => linux.namespaces.push({ type: 'cgroup' }))
    const { namespaces: own } = await probe(made)
    const wanted = Object.fromEntries(namespaces.map((name) => [name, linkOf(`/proc/${made.pid}/ns/${name}`)]))
    expect(own).toMatchObject(wanted)
    const waiting = await made.exec({ args: ['sleep', '1000'] })
    expect(readFileSync(`/proc/${waiting.pid}/cgroup`, 'utf8')).toBe(readFileSync(`/proc/${made.pid}/cgroup`, 'utf8'))
    expect(await made.processes()).toEqual([made.pid, waiting.pid].sort((a, b) => a - b))
  })

  test('is in the container\'s root and its user namespace', async () => {
    const made = await start(({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
      linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
    })
    const { namespaces: own, status } = await probe(made)
    expect(own).toMatchObject(
      Object.fromEntries(namespaces.map((name) => [name, linkOf(`/proc/${made.pid}/ns/${name}`)])),
    )
    expect(status['Uid']).toBe('0\t0\t0\t0')
    const waiting = await made.exec({ args: ['sleep', '1000'] })
    expect(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${waiting.pid}/status`, 'utf8'))?.[1]).toBe('100000')
  })

  test('has what the container\'s own process has, where nothing else is said', async () => {
    const made = await start(({ process }) => {
      process.user = { uid: 1000, gid: 1001, umask: 0o027, additionalGids: [7] }
      process.env.push('A=1')
      process.cwd = '/tmp'
      process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }]
    })
    const seen = await probe(made)
    expect([seen.status['Uid'], seen.status['Gid'], seen.status['Groups']?.trim()])
      .toEqual(['1000\t1000\t1000\t1000', '1001\t1001\t1001\t1001', '7'])
    expect({ umask: seen.umask, directory: seen.directory, files: seen.limits['7'], rights: seen.status['NoNewPrivs'] })
      .toEqual({ umask: 0o027, directory: '/tmp', files: ['100', '200'], rights: '1' })
    expect(seen.env).toEqual(expect.arrayContaining(['A=1', 'HOME=/home/user', 'TERM=xterm']))
  })

  test('user, groups, directory and environment of the call', async () => {
    const made = await start(({ process }) => process.env.push('A=1'))
    const seen = await probe(made, {
      user: { uid: 1000, gid: 1001 }, additionalGids: [5, 6], cwd: '/tmp', env: ['A=2', 'B=3'],
    })
    expect([seen.status['Uid'], seen.status['Gid'], seen.status['Groups']?.trim(), seen.directory])
      .toEqual(['1000\t1000\t1000\t1000', '1001\t1001\t1001\t1001', '5 6', '/tmp'])
    expect(seen.env.filter((entry) => /^[AB]=/.test(entry)).sort()).toEqual(['A=2', 'B=3'])
  })

  test('capabilities of the call are added, and never inheritable', async () => {
    const made = await start()
    const { status } = await probe(made, { capabilities: ['CAP_NET_ADMIN', 'CAP_SYS_CHROOT'] })
    expect(bitsOf(status['CapInh'])).toEqual([])
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(bitsOf(status[set]), set).toEqual([5, 10, 12, 18, 29])
    expect(bitsOf((await probe(made)).status['CapEff'])).toEqual([5, 10, 29])
  })

  test('inherits nothing of Node: signals, descriptors, limits', async () => {
    const { notDefault, blocked, descriptors, limits, deathSignal } = await probe(await start())
    expect({ notDefault, blocked, deathSignal }).toEqual({ notDefault: [], blocked: 0, deathSignal: 0 })
    expect(Object.keys(descriptors)).toEqual(['0', '1', '2'])
    expect(limits['7']).toEqual(['1024', '1024'])
  })

  test('a whole process, as in config.json', async () => {
    const made = await start()
    const process = { args: ['probe', 'x'], cwd: '/tmp', user: { uid: 5, gid: 6 }, env: ['PATH=/bin', 'ONLY=this'] }
    const { stdout } = await end(await made.exec({ process, stdin: 'ignore' }))
    const seen = parseProbe(stdout)
    expect([seen.args, seen.directory, seen.env, seen.status['Uid']])
      .toEqual([['probe', 'x'], '/tmp', ['PATH=/bin', 'ONLY=this', 'HOME=/'], '5\t5\t5\t5'])
    expect(bitsOf(seen.status['CapEff'])).toEqual([])
  })

  test('streams and exit code, as for a container', async () => {
    const made = await start()
    const cat = await made.exec({ args: ['sh', '-c', 'cat; echo err >&2; exit 7'] })
    cat.stdin!.end('through')
    expect(await end(cat)).toEqual({ code: 7, signal: null, stdout: 'through', stderr: 'err\n' })
  })

  test('a signal ends it, and only it', async () => {
    const made = await start()
    const added = await made.exec({ args: ['sleep', '1000'] })
    await added.kill('TERM')
    expect(await added.wait()).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect((await made.state()).status).toBe('running')
    const error = await rejection(added.kill())
    expect([error.code, error.message]).toEqual(['ERR_SIGNAL', 'process already finished'])
  })

  test('when the container ends, so does it', async () => {
    const made = await start()
    const added = await made.exec({ args: ['sleep', '1000'] })
    await made.kill('KILL')
    expect(await added.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('many at once', async () => {
    const made = await start()
    const ended = await Promise.all(
      Array.from({ length: 12 }, (_, number) => output(made, ['sh', '-c', `echo ${number}; exit ${number}`])),
    )
    expect(ended.map(({ code, stdout }) => [code, stdout])).toEqual(ended.map((_, number) => [number, `${number}\n`]))
  })

  test('the pid file and the pid are the host\'s', async () => {
    const made = await start()
    const pidFile = join(sandbox.directory, 'exec.pid')
    const added = await made.exec({ args: ['sleep', '1000'], pidFile })
    expect(readFileSync(pidFile, 'utf8')).toBe(String(added.pid))
    expect(readFileSync(`/proc/${added.pid}/cmdline`, 'utf8')).toBe('sleep\x001000\0')
  })

  test('works in a created container too', async () => {
    const made = await sandbox.create(['true'])
    expect((await output(made, ['hostname'])).stdout).toBe('runc\n')
  })

  describe('what cannot be executed', () => {

    test.each([
      [['nosuch'], 'exec: "nosuch": executable file not found in $PATH'],
      [['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
      [['/etc/passwd'], 'exec: "/etc/passwd": permission denied'],
      [['/tmp'], 'exec: "/tmp": is a directory'],
    ])('%j', async (args, message) => {
      const made = await start()
      const error = await rejection(made.exec({ args }))
      expect([error.code, error.message]).toEqual(['ERR_PROGRAM', message])
      expect(await made.processes()).toEqual([made.pid])
    })
  })
})
