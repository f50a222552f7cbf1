/**
 * Everything that the default spec says, seen from inside a container. Source: runtime-spec config.md, config-linux.md.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { bitsOf, errnoOf, parseProbe } from '../helpers/probe.ts'

describeWith([...container, 'compiler'], 'the default spec', () => {
  const sandbox = useSandbox()
  const probe = async (change?: (spec: TestSpec) => void) =>
    parseProbe((await sandbox.output(['probe'], change)).stdout)
  const shell = async (script: string, change?: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], change)
    expect(stderr).toBe('')
    return stdout
  }

  test('namespaces of its own: pid, network, ipc, uts, mount; the others are the host\'s', async () => {
    const { namespaces, pid } = await probe()
    const own = Object.keys(namespaces).filter((name) => namespaces[name] !== readlinkSync(`/proc/self/ns/${name}`))
    expect(own.sort()).toEqual(['ipc', 'mnt', 'net', 'pid', 'uts'])
    expect(pid).toBe(1)
  })

  test('a cgroup namespace where the spec has one', async () => {
    const { namespaces } = await probe(({ linux }) => linux.namespaces.push({ type: 'cgroup' }))
    expect(namespaces['cgroup']).not.toBe(readlinkSync('/proc/self/ns/cgroup'))
    const own = await shell('cat /proc/self/cgroup', ({ linux }) => linux.namespaces.push({ type: 'cgroup' }))
    expect(own.trim().split('\n').map((line) => line.split(':')[2])).toEqual(expect.arrayContaining(['/']))
    expect(own).not.toContain('/nrunc-test')
  })

  test('one process, in a session of its own, with nothing inherited', async () => {
    const { session, deathSignal, subreaper, dumpable, securebits, status } = await probe()
    expect({ session, deathSignal, subreaper, dumpable, securebits })
      .toEqual({ session: 1, deathSignal: 0, subreaper: 0, dumpable: 1, securebits: 0 })
    expect(status['TracerPid']).toBe('0')
    expect(await shell('echo /proc/[0-9]*')).toBe('/proc/1\n')
  })

  test('arguments, environment, directory', async () => {
    const { args, env, directory } = parseProbe((await sandbox.output(['probe', 'one', 'two words', ''])).stdout)
    expect(args).toEqual(['probe', 'one', 'two words', ''])
    expect(env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=xterm',
      'HOME=/root',
    ])
    expect(directory).toBe('/')
  })

  test('HOME comes from the container\'s passwd file, where the spec has none', async () => {
    const home = async (change: (spec: TestSpec) => void) =>
      (await probe(change)).env.filter((entry) => entry.startsWith('HOME='))
    expect(await home(({ process }) => { process.user.uid = 1000 })).toEqual(['HOME=/home/user'])
    expect(await home(({ process }) => { process.user.uid = 4321 })).toEqual(['HOME=/'])
    expect(await home(({ process }) => process.env.push('HOME=/own'))).toEqual(['HOME=/own'])
  })

  test('of an environment variable given twice the last one counts', async () => {
    const { env } = await probe(({ process }) => process.env.push('A=1', 'B=2', 'A=3'))
    expect(env.filter((entry) => /^[AB]=/.test(entry)).sort()).toEqual(['A=3', 'B=2'])
  })

  test('the program is looked up in PATH of the container', async () => {
    const { stdout } = await sandbox.output(['cat', '/proc/1/cmdline'], ({ process }) => {
      process.env = ['PATH=/nowhere:/bin']
    })
    expect(stdout).toBe('cat\0/proc/1/cmdline\0')
  })

  test('a working directory that does not exist is made', async () => {
    expect((await probe(({ process }) => { process.cwd = '/tmp' })).directory).toBe('/tmp')
    const made = await probe((spec) => {
      spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
      spec.process.cwd = '/tmp/new/directory'
    })
    expect(made.directory).toBe('/tmp/new/directory')
  })

  test('root without groups, mask 0022', async () => {
    const { status, umask } = await probe()
    expect([status['Uid'], status['Gid'], status['Groups']?.trim()]).toEqual(['0\t0\t0\t0', '0\t0\t0\t0', ''])
    expect(umask).toBe(0o022)
  })

  test('user, gids and umask of the spec', async () => {
    const { status, umask } = await probe(({ process }) => {
      process.user = { uid: 1000, gid: 1001, additionalGids: [5, 77], umask: 0o027 }
    })
    expect([status['Uid'], status['Gid'], status['Groups']?.trim()])
      .toEqual(['1000\t1000\t1000\t1000', '1001\t1001\t1001\t1001', '5 77'])
    expect(umask).toBe(0o027)
  })

  test('the capabilities of the five sets', async () => {
    // CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE; capabilities(7), linux/capability.h
    const three = [5, 10, 29]
    const { status } = await probe()
    expect(setsOf(status)).toEqual({ CapInh: [], CapPrm: three, CapEff: three, CapBnd: three, CapAmb: [] })
  })

  test('inheritable and ambient capabilities, for a user that is not root', async () => {
    const { status } = await probe(({ process }) => {
      process.user.uid = 1000
      process.capabilities = {
        bounding: ['CAP_KILL', 'CAP_CHOWN'], permitted: ['CAP_KILL', 'CAP_CHOWN'], effective: ['CAP_KILL'],
        inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'],
      }
    })
    expect(setsOf(status)).toEqual({ CapInh: [5], CapPrm: [5], CapEff: [5], CapBnd: [0, 5], CapAmb: [5] })
  })

  test('without capabilities in the spec there are none, nor any to gain', async () => {
    const { status } = await probe(({ process }) => { delete process.capabilities })
    expect(setsOf(status)).toEqual({ CapInh: [], CapPrm: [], CapEff: [], CapBnd: [], CapAmb: [] })
  })

  test('no_new_privs, and not without it', async () => {
    expect((await probe()).status['NoNewPrivs']).toBe('1')
    expect((await probe(({ process }) => { process.noNewPrivileges = false })).status['NoNewPrivs']).toBe('0')
  })

  test('the limits of the spec', async () => {
    const { limits } = await probe(({ process }) => process.rlimits?.push({ type: 'RLIMIT_CORE', soft: 0, hard: 4096 }))
    expect(limits['7']).toEqual(['1024', '1024'])
    expect(limits['4']).toEqual(['0', '4096'])
  })

  test('an open files limit that is not Node\'s, where the spec has none', async () => {
    const { limits } = await probe(({ process }) => { process.rlimits = [] })
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    expect(limits['7']).toEqual([String(Math.min(1024, Number(hard))), hard])
  })

  test('signals: nothing ignored, nothing blocked', async () => {
    const ignored = bitsOf(/^SigIgn:\t(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
    expect(ignored, 'Node itself ignores SIGPIPE').toContain(constants.signals.SIGPIPE - 1)
    const { notDefault, blocked } = await probe()
    expect({ notDefault, blocked }).toEqual({ notDefault: [], blocked: 0 })
  })

  test('three descriptors and no more', async () => {
    const { descriptors } = await probe()
    expect(Object.keys(descriptors)).toEqual(['0', '1', '2'])
    expect(descriptors['0']).toBe('/dev/null')
    expect(descriptors['1']).toMatch(/^pipe:/)
    expect(descriptors['2']).toMatch(/^pipe:/)
  })

  test('a session keyring of its own, and the caller\'s on request', async () => {
    const { stdout } = await sandbox.output(['probe'], undefined, { id: sandbox.id() })
    const name = parseProbe(stdout).keyring.split(';')[4]
    expect(name).toMatch(new RegExp(`^_ses\\.${sandbox.prefix}`))
    const kept = parseProbe((await sandbox.output(['probe'], undefined, { noNewKeyring: true })).stdout)
    expect(kept.keyring).not.toContain(sandbox.prefix)
  })

  test('the host name of the spec', async () => {
    expect(await shell('hostname')).toBe('runc\n')
    expect(await shell('hostname; cat /proc/sys/kernel/domainname', (spec) => {
      spec.hostname = 'other'
      spec.domainname = 'example.org'
    })).toBe('other\nexample.org\n')
  })

  test('only a loopback interface, and it is up', async () => {
    const IFF_UP = 1, IFF_LOOPBACK = 8
    const [names, flags] = (await shell('ls /sys/class/net; cat /sys/class/net/lo/flags')).trim().split('\n')
    expect(names).toBe('lo')
    expect(Number(flags) & (IFF_UP | IFF_LOOPBACK)).toBe(IFF_UP | IFF_LOOPBACK)
  })

  test('the loopback interface has its address', async () => {
    expect(await shell('ip -o addr show dev lo')).toContain('inet 127.0.0.1/8')
  })

  test('a read-only root file system, and one that is not', async () => {
    const attempt = async (readonly: boolean) =>
      errnoOf(
        (
          await sandbox.output(['probe', 'write', '/etc/passwd'], (spec) => {
            spec.root.readonly = readonly
          })
        ).stdout,
      )
    expect(await attempt(true)).toBe('EROFS')
    expect(await attempt(false)).toBe('ok')
  })
})

function setsOf(status: Readonly<Record<string, string>>): Record<string, number[]> {
  return Object.fromEntries(
    ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => [name, bitsOf(status[name])]),
  )
}
