/**
 * Who a process is, what it may look at, and what it may inherit. CVE-2014-8989 is in rootless.test.ts (setgroups is
 * denied).
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { program } from '../helpers/cli.ts'
import { end, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { bitsOf, errnoOf, parseProbe } from '../helpers/probe.ts'
import { Pty } from '../helpers/pty.ts'

const secret = 'NRUNC_TEST_SECRET=do-not-tell'

describeWith([...container, 'cli', 'compiler'], 'identity', () => {
  const sandbox = useSandbox()

  test('CVE-2022-29162, CVE-2022-27650, CVE-2025-27612: no inheritable capabilities, whatever is added to a process', async () => {
    const made = await sandbox.run(['sleep', '1000'])
    const inheritable = (text: string) => bitsOf(parseProbe(text).status['CapInh'])
    expect(
      inheritable((await end(await made.exec({ args: ['probe'], capabilities: ['CAP_NET_ADMIN'] }))).stdout),
    ).toEqual([])
    expect(
      inheritable((await sandbox.nrunc(['exec', '--cap', 'CAP_NET_ADMIN', '--user', '1000', made.id, 'probe'])).stdout),
    ).toEqual([])
    expect(inheritable((await sandbox.output(['probe'])).stdout)).toEqual([])
    const mapped = await sandbox.output(['probe'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }]
    })
    expect(inheritable(mapped.stdout)).toEqual([])
  })

  test('CVE-2016-3697: a user\'s number is a number, also where a user has it as name', async () => {
    const rootfs = sandbox.rootfs()
    writeFileSync(join(rootfs, 'etc/passwd'), '1000:x:0:0:root:/root:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n')
    const made = await sandbox.run(['sleep', '1000'], ({ root }) => { root.path = rootfs })
    expect((await sandbox.nrunc(['exec', '-u', '1000', made.id, 'id', '-u'])).stdout).toBe('1000\n')
    expect((await sandbox.output(['id', '-u'], ({ root, process }) => {
      root.path = rootfs
      process.user.uid = 1000
    })).stdout).toBe('1000\n')
  })

  test('CVE-2016-9962: what init holds open cannot be looked at from inside the container', async () => {
    const made = await sandbox.create(['true'], ({ process }) => { process.noNewPrivileges = false })
    const links = '/proc/1/fd/* /proc/1/exe /proc/1/cwd /proc/1/root'
    const script = `for link in ${links}; do readlink $link; ls $link/ 2>/dev/null; done; cat /proc/1/maps 2>&1`
    const { stdout } = await end(await made.exec({ args: ['sh', '-c', script], stdin: 'ignore' }))
    expect(stdout).toMatch(/^cat: .*Permission denied\n$/)
  })

  test('CVE-2016-9962: nor what holds a process that is just being added', async () => {
    const look = 'link=$(readlink $fd 2>/dev/null); case $link in ""|/dev/null|pipe:*|/proc/*) ;; *) echo "$link";; esac'
    const script = `while :; do for fd in /proc/[0-9]*/fd/*; do ${look}; done; done`
    const made = await sandbox.run(['sh', '-c', script])
    const all = end(made)
    for (let count = 0; count < 30; count++)
      await (await made.exec({ args: ['true'], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })).wait()
    await made.kill('KILL')
    expect((await all).stdout).toBe('')
  })

  test('CVE-2017-5226: no key can be typed into the terminal of the caller', async () => {
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'probe type 0; probe type 1; probe; echo done'])
    const pty = Pty.open([process.execPath, program, '--root', sandbox.root, 'run', '-b', bundle, id])
    const [shown] = await pty.shows(/[^]*done\r\n/)
    const [first = '', second = ''] = shown.split('\r\n')
    for (const outcome of [first, second]) expect(errnoOf(outcome)).toMatch(/^(EPERM|EIO|ENOTTY)$/)
    expect(parseProbe(shown).terminal).toBe(null)
    expect(await pty.ended).toBe(0)
  })

  test('the environment of the caller stays with him: container, exec, hooks', async () => {
    const out = join(sandbox.directory, 'environment')
    const hook = { path: '/bin/sh', args: ['sh', '-c', `cat /proc/self/environ >> ${out}`] }
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'cat /proc/self/environ; sleep 1000'], (spec) => {
      spec.hooks = {
        prestart: [hook],
        createRuntime: [hook],
        createContainer: [hook],
        poststart: [hook],
        poststop: [hook],
      }
    })
    const [name = '', value = ''] = secret.split('=')
    const env = { [name]: value }
    const running = sandbox.nrunc(['run', '-b', bundle, id], { env })
    await expect.poll(async () => (await sandbox.nrunc(['state', id])).stdout).toContain('"running"')
    const added = await sandbox.nrunc(['exec', id, 'cat', '/proc/self/environ', '/proc/1/environ'], { env })
    expect(added.stdout).toContain('TERM=xterm')
    await sandbox.nrunc(['kill', id, 'KILL'])
    const { stdout } = await running
    expect(stdout).toContain('TERM=xterm')
    const hooks = readFileSync(out, 'utf8')
    expect(hooks.match(/PATH=/g)?.length).toBeGreaterThanOrEqual(5)
    for (const seen of [stdout, added.stdout, hooks]) expect(seen).not.toContain(value)
  })

  test('the keys in the session keyring of the caller stay with him: container, exec, hooks', async () => {
    const { probe } = bench()
    expect(spawnSync(probe, ['withkey', probe, 'key'], { encoding: 'utf8' }).stdout, 'it is found where it is').toBe('0\n')
    const out = join(sandbox.directory, 'keys')
    const hook = { path: '/bin/sh', args: ['sh', '-c', `${probe} key >> ${out}`] }
    const { id, bundle } = sandbox.bundle(['sh', '-c', 'probe key; exec sleep 1000'], (spec) => {
      spec.hooks = { prestart: [hook], createRuntime: [hook], createContainer: [hook], poststart: [hook], poststop: [hook] }
    })
    const through = [probe, 'withkey']
    const running = sandbox.nrunc(['run', '-b', bundle, id], { through })
    await expect.poll(async () => (await sandbox.nrunc(['state', id])).stdout).toContain('"running"')
    const added = await sandbox.nrunc(['exec', id, 'probe', 'key'], { through })
    await sandbox.nrunc(['kill', id, 'KILL'])
    const all = [(await running).stdout, added.stdout, readFileSync(out, 'utf8')].join('').trim().split('\n')
    const ENOKEY = '126'
    expect(all).toEqual(Array(7).fill(ENOKEY))
  })

  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()
  test.skipIf(!/^\w+$/.test(pattern))('CVE-2016-9962: a waiting init leaves no core, whatever kills it (needs a core_pattern without a directory)', async () => {
    const rootfs = sandbox.rootfs()
    const change = (spec: TestSpec): void => {
      spec.root = { path: rootfs, readonly: false }
      // Of the first process of a pid namespace only SIGKILL is an end.
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'pid')
    }
    const cores = () => readdirSync(rootfs).filter((name) => name.startsWith(pattern))
    const crash = async (made: Container): Promise<string[]> => {
      expect(spawnSync('prlimit', ['--pid', String(made.pid), '--core=unlimited']).status).toBe(0)
      process.kill(made.pid!, 'SIGSEGV')
      expect(await made.wait()).toMatchObject({ signal: 'SIGSEGV' })
      return cores()
    }
    expect(await crash(await sandbox.create(['true'], change))).toEqual([])
    expect(await crash(await sandbox.run(['sleep', '1000'], change)), 'a program leaves one').toHaveLength(1)
  })

  test('nor is it in a waiting init, or in what init calls itself', async () => {
    process.env['NRUNC_TEST_SECRET'] = 'do-not-tell'
    const made = await sandbox.create(['true'])
    const read = (name: string) => readFileSync(`/proc/${made.pid}/${name}`, 'utf8')
    expect([read('environ'), read('cmdline')]).toEqual(['', 'nrunc-init\0'])
  })
})
