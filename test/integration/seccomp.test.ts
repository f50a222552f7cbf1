/**
 * The filter of system calls, from inside: what each action does, with and without no_new_privs, for exec too.
 * Source: config-linux.md "Seccomp", seccomp(2).
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type NruncError } from '../../lib/index.ts'
import { systemCalls } from '../../lib/seccomp/tables.ts'
import { nativeArchitecture } from '../../lib/seccomp/architectures.ts'
import type { Seccomp, SeccompSyscall } from '../../lib/spec/schema.ts'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { errnoOf, parseProbe } from '../helpers/probe.ts'

const dockers = JSON.parse(readFileSync(new URL('../fixtures/seccomp-default.json', import.meta.url), 'utf8')) as Seccomp
const number = (name: string): string => String(systemCalls(nativeArchitecture()).get(name))

/** Everything is allowed but for the rules. */
const filtered = (...syscalls: SeccompSyscall[]) => ({ linux }: TestSpec): void => {
  linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls }
}
const rule = (action: SeccompSyscall['action'], ...names: string[]): SeccompSyscall => ({ names, action })

describeWith([...container, 'compiler'], 'seccomp', () => {
  const sandbox = useSandbox()
  const call = async (change: (spec: TestSpec) => void, ...words: string[]) =>
    (await sandbox.output(['probe', ...words], change))
  const errno = async (change: (spec: TestSpec) => void, name: string, ...args: (string | number)[]) =>
    errnoOf((await call(change, 'call', number(name), ...args.map(String))).stdout)

  describe('actions', () => {
    test('SCMP_ACT_ERRNO: EPERM, or errnoRet', async () => {
      expect(await errno(filtered(rule('SCMP_ACT_ERRNO', 'getppid')), 'getppid')).toBe('EPERM')
      expect(await errno(filtered({ ...rule('SCMP_ACT_ERRNO', 'getppid'), errnoRet: 95 }), 'getppid')).toBe('ENOTSUP')
      expect(await errno(filtered({ ...rule('SCMP_ACT_ERRNO', 'getppid'), errnoRet: 0 }), 'getppid')).toBe('ok')
    })

    test('SCMP_ACT_KILL_PROCESS and SCMP_ACT_KILL end it by SIGSYS', async () => {
      for (const action of ['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD'] as const) {
        expect(await call(filtered(rule(action, 'getppid')), 'call', number('getppid')))
          .toMatchObject({ code: null, signal: 'SIGSYS', stdout: '' })
      }
    })

    test('SCMP_ACT_KILL_THREAD ends the thread alone, SCMP_ACT_KILL_PROCESS all of them', async () => {
      expect(await call(filtered(rule('SCMP_ACT_KILL_THREAD', 'getppid')), 'thread', number('getppid')))
        .toMatchObject({ code: 0, stdout: 'the process goes on\n' })
      expect(await call(filtered(rule('SCMP_ACT_KILL_PROCESS', 'getppid')), 'thread', number('getppid')))
        .toMatchObject({ signal: 'SIGSYS', stdout: '' })
    })

    test('SCMP_ACT_TRAP sends SIGSYS with the call', async () => {
      const { stdout } = await call(filtered(rule('SCMP_ACT_TRAP', 'getppid')), 'trap', number('getppid'))
      expect(stdout).toMatch(new RegExp(`^signal 31 call ${number('getppid')} architecture c00000`))
    })

    test('SCMP_ACT_TRACE tells a tracer the number in errnoRet; without one the call is ENOSYS', async () => {
      const traced = { ...rule('SCMP_ACT_TRACE', 'getppid'), errnoRet: 4321 }
      expect((await call(filtered(traced), 'trace', number('getppid'))).stdout).toBe('event 7 message 4321\n')
      expect(await errno(filtered(traced), 'getppid')).toBe('ENOSYS')
    })

    test('SCMP_ACT_LOG lets the call through', async () => {
      expect(await errno(filtered(rule('SCMP_ACT_LOG', 'getppid')), 'getppid')).toBe('ok')
    })

    test('SCMP_ACT_ALLOW, and the default action for the rest', async () => {
      const change = ({ linux }: TestSpec): void => {
        linux.seccomp = { ...dockers, defaultErrnoRet: 95 }
      }
      expect(await errno(change, 'getppid')).toBe('ok')
      expect(await errno(change, 'swapoff')).toBe('ENOTSUP')
    })
  })

  test('arguments: all 64 bits of them', async () => {
    const change = filtered({ ...rule('SCMP_ACT_ERRNO', 'personality'), errnoRet: 95, args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 0x1_0000_0008 }] })
    expect(await errno(change, 'personality', '0x8')).toBe('ok')
    expect(await errno(change, 'personality', '0x100000008')).toBe('ENOTSUP')
  })

  test('arguments: several of one rule must all hold', async () => {
    const change = filtered({
      ...rule('SCMP_ACT_ERRNO', 'fcntl'), errnoRet: 95,
      args: [{ index: 1, op: 'SCMP_CMP_EQ', value: 3 }, { index: 0, op: 'SCMP_CMP_LE', value: 1 }],
    })
    expect(await errno(change, 'fcntl', 1, 3)).toBe('ENOTSUP')
    expect(await errno(change, 'fcntl', 2, 3)).toBe('ok')
    expect(await errno(change, 'fcntl', 1, 1)).toBe('ok')
  })

  test('a name that does not exist is ignored', async () => {
    expect(await errno(filtered(rule('SCMP_ACT_KILL_PROCESS', 'no_such_call', 'getppid')), 'getuid')).toBe('ok')
  })

  test('a call newer than the profile is ENOSYS, one that it knows and leaves out is not', async () => {
    const change = ({ linux }: TestSpec): void => { linux.seccomp = dockers }
    expect(await errno(change, 'reboot')).toBe('EPERM')
    expect(errnoOf((await call(change, 'call', '1000')).stdout)).toBe('ENOSYS')
  })

  test.runIf(process.arch === 'x64')('the calls of another architecture end it, unless the profile has it', async () => {
    const change = ({ linux }: TestSpec): void => {
      linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls: [] }
    }
    expect(await call(change, 'legacy', '20')).toMatchObject({ signal: 'SIGSYS' })
    expect(await call(change, 'call', String(0x40000000 + 39))).toMatchObject({ signal: 'SIGSYS' })
  })

  describe.each([['with no_new_privs', true], ['without no_new_privs', false]])('%s', (_, noNewPrivileges) => {
    const withFilter = (change: (spec: TestSpec) => void = () => {}) => (spec: TestSpec): void => {
      spec.process.noNewPrivileges = noNewPrivileges
      spec.linux.seccomp = dockers
      change(spec)
    }

    test('one filter is in force, and the capabilities are those of the config', async () => {
      const [plain, { status }] = await Promise.all([
        sandbox.output(['probe'], ({ process }) => { process.noNewPrivileges = noNewPrivileges }).then(({ stdout }) => parseProbe(stdout)),
        sandbox.output(['probe'], withFilter()).then(({ stdout }) => parseProbe(stdout)),
      ])
      expect(status).toMatchObject({ Seccomp: '2', Seccomp_filters: '1', NoNewPrivs: noNewPrivileges ? '1' : '0' })
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status[set]).toBe(plain.status[set])
    })

    test('a user other than root, who keeps nothing', async () => {
      const { stdout } = await sandbox.output(['probe'], withFilter(({ process }) => { process.user = { uid: 1000, gid: 1000 } }))
      expect(parseProbe(stdout).status).toMatchObject({ Seccomp: '2', CapPrm: '0000000000000000', CapEff: '0000000000000000' })
    })

    test('a profile that allows nothing but what the program needs', async () => {
      const change = withFilter(({ linux }) => {
        linux.seccomp = {
          defaultAction: 'SCMP_ACT_KILL_PROCESS',
          syscalls: [rule('SCMP_ACT_ALLOW', 'execve', 'exit_group', 'exit', 'write', 'writev', 'brk', 'mmap', 'munmap', 'mprotect', 'arch_prctl',
            'set_tid_address', 'set_robust_list', 'rseq', 'prlimit64', 'readlinkat', 'readlink', 'getrandom', 'newfstatat', 'fstat', 'ioctl', 'poll', 'rt_sigaction', 'rt_sigprocmask', 'getppid', 'futex')],
        }
      })
      expect(await call(change, 'call', number('getppid'))).toMatchObject({ code: 0, stdout: '0\n' })
      expect(await call(change, 'call', number('getuid'))).toMatchObject({ signal: 'SIGSYS' })
    })

    test('create and start, and exec under the same filter', async () => {
      const made = sandbox.keep(await sandbox.create(['sleep', '1000'], withFilter()))
      await made.start()
      expect(readFileSync(`/proc/${made.pid}/status`, 'utf8')).toMatch(/^Seccomp:\t2$/m)
      const { stdout } = await made.execute({ args: ['probe'] })
      expect(parseProbe(stdout).status).toMatchObject({ Seccomp: '2', Seccomp_filters: '1' })
      await made.kill('SIGKILL')
    })
  })

  test('without a profile there is no filter', async () => {
    expect(parseProbe((await sandbox.output(['probe'])).stdout).status).toMatchObject({ Seccomp: '0' })
  })

  test('Docker\'s profile runs a shell', async () => {
    const { stdout, code } = await sandbox.output(['sh', '-c', 'echo a | tr a b; mount -t tmpfs x /tmp 2>/dev/null || echo refused'], ({ linux }) => {
      linux.seccomp = dockers
    })
    expect({ stdout, code }).toEqual({ stdout: 'b\nrefused\n', code: 0 })
  })

  test('every flag', async () => {
    const flags: Seccomp['flags'] = ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']
    const { stdout } = await sandbox.output(['probe'], ({ linux }) => { linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', flags } })
    expect(parseProbe(stdout).status).toMatchObject({ Seccomp: '2' })
  })

  test('a program that cannot be executed is told of under a filter as well', async () => {
    const change = ({ linux, process }: TestSpec): void => {
      linux.seccomp = dockers
      process.args = ['/etc']
    }
    await expect(sandbox.run(['/etc'], change)).rejects.toMatchObject({ code: 'ERR_PROGRAM' } satisfies Partial<NruncError>)
  })
})
