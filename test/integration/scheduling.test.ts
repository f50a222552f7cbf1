/**
 * How the kernel treats the processes of a container: scheduling, CPUs, memory nodes, execution domain. Source:
 * runtime-spec config.md "Linux Process", config-linux.md "Memory policy", "Personality".
 */
import { existsSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Container, ExecOptions } from '../../lib/index.ts'
import { groupRoot, hierarchyOf } from '../helpers/cgroup.ts'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

interface Scheduling {
  readonly policy: number
  readonly flags: number
  readonly nice: number
  readonly priority: number
  readonly runtime: number
  readonly deadline: number
  readonly period: number
  readonly ioPriority: number
  /** A bit for each of the first CPUs and nodes. */
  readonly cpus: number
  readonly nodes: number
  readonly personality: number
  readonly memory: number
}

describeWith([...container, 'compiler'], 'scheduling', () => {
  const sandbox = useSandbox()
  const probe = async (change?: (spec: TestSpec) => void) =>
    JSON.parse((await sandbox.output(['probe', 'scheduling'], change)).stdout) as Scheduling
  const probeExec = async (made: Container, options: ExecOptions = {}) => {
    const process = await made.exec({ stdin: 'ignore', ...options.process ? {} : { args: ['probe', 'scheduling'] }, ...options })
    return JSON.parse((await end(process)).stdout) as Scheduling
  }

  test('nothing is changed where nothing is asked for', async () => {
    expect(await probe()).toMatchObject({ policy: 0, flags: 0, nice: getPriority(), priority: 0, personality: 0, memory: 0 })
  })

  test('scheduler: policy, nice, flags; times of a deadline', async () => {
    expect(await probe(({ process }) => {
      process.scheduler = { policy: 'SCHED_BATCH', nice: 7, flags: ['SCHED_FLAG_RESET_ON_FORK'] }
    })).toMatchObject({ policy: 3, nice: 7, flags: 1 })
    expect(await probe(({ process }) => {
      process.scheduler = { policy: 'SCHED_DEADLINE', runtime: 1_000_000, deadline: 10_000_000, period: 20_000_000 }
    })).toMatchObject({ policy: 6, runtime: 1_000_000, deadline: 10_000_000, period: 20_000_000 })
  })

  test('scheduler: a real-time priority', async () => {
    const scheduler = { policy: 'SCHED_RR', priority: 10 } as const
    const id = sandbox.id()
    const run = () => probe((spec) => {
      spec.process.scheduler = scheduler
      spec.linux.cgroupsPath = join(groupRoot, id)
    })
    // With real-time groups a cgroup v1 without time for them has no such processes.
    const cpu = hierarchyOf('cpu')
    const groups = cpu?.version === 1 && existsSync(join(cpu.path, 'cpu.rt_runtime_us'))
    if (!groups) expect(await run()).toMatchObject({ policy: 2, priority: 10 })
    else expect(await rejection(run())).toMatchObject({ field: '/process/scheduler', step: 'scheduler', errno: 'EPERM' })
  })

  test('what the kernel refuses names its field', async () => {
    const error = await rejection(sandbox.create(['true'], ({ process }) => {
      process.scheduler = { policy: 'SCHED_DEADLINE', runtime: 5000, deadline: 1, period: 1 }
    }))
    expect(error).toMatchObject({ code: 'ERR_INIT', field: '/process/scheduler', syscall: 'sched_setattr', errno: 'EINVAL' })
  })

  test('ioPriority: class and level', async () => {
    expect((await probe(({ process }) => {
      process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 }
    })).ioPriority).toBe((2 << 13) | 6)
    expect((await probe(({ process }) => { process.ioPriority = { class: 'IOPRIO_CLASS_IDLE' } })).ioPriority >> 13).toBe(3)
  })

  test('personality: what uname says, for exec too', async () => {
    const made = await sandbox.run(['sleep', '1000'], ({ linux }) => { linux.personality = { domain: 'LINUX32' } })
    expect((await probeExec(made)).personality).toBe(8)
    const { stdout } = await sandbox.output(['uname', '-m'], ({ linux }) => { linux.personality = { domain: 'LINUX32' } })
    expect(stdout.trim()).toBe({ x64: 'i686', arm64: 'armv8l' }[process.arch as string])
  })

  test('memoryPolicy: modes, flags and nodes, for exec too', async () => {
    const first = Number(/\d+/.exec(readFileSync('/sys/devices/system/node/online', 'latin1'))?.[0])
    const policy = { mode: 'MPOL_BIND', nodes: String(first), flags: ['MPOL_F_STATIC_NODES'] } as const
    const bound = { memory: 2 | 0x8000, nodes: 1 << first }
    const change = ({ linux }: TestSpec) => { linux.memoryPolicy = { ...policy, flags: [...policy.flags] } }
    expect(await probe(change)).toMatchObject(bound)
    expect(await probeExec(await sandbox.run(['sleep', '1000'], change))).toMatchObject(bound)
    expect((await probe(({ linux }) => { linux.memoryPolicy = { mode: 'MPOL_LOCAL' } })).memory).toBe(4)
    const error = await rejection(sandbox.create(['true'], ({ linux }) => {
      linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '4000' }
    }))
    expect(error).toMatchObject({ field: '/linux/memoryPolicy', syscall: 'set_mempolicy', errno: 'EINVAL' })
  })

  test('execCPUAffinity: of an added process, and not of the first one', async () => {
    const all = (await probe()).cpus
    const last = Math.floor(Math.log2(all))
    const set = (final: string) => ({ process }: TestSpec) => { process.execCPUAffinity = { initial: '0', final } }
    expect((await probe(set(String(last)))).cpus).toBe(all)
    const made = await sandbox.run(['sleep', '1000'], set(String(last)))
    expect((await probeExec(made)).cpus).toBe(1 << last)
    const process = { args: ['probe', 'scheduling'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } }
    expect((await probeExec(made, { process: { ...process, execCPUAffinity: { final: '0' } } })).cpus).toBe(1)
    const error = await rejection(made.exec({ process: { ...process, execCPUAffinity: { final: '4095' } } }))
    expect(error).toMatchObject({ field: '/execCPUAffinity/final', syscall: 'sched_setaffinity', errno: 'EINVAL' })
  })

  test('the scheduling of the container is that of a whole process of exec, where it says nothing', async () => {
    const made = await sandbox.run(['sleep', '1000'], ({ process }) => {
      process.scheduler = { policy: 'SCHED_BATCH', nice: 3 }
      process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 1 }
    })
    const process = { args: ['probe', 'scheduling'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } }
    expect(await probeExec(made, { process })).toMatchObject({ policy: 3, nice: 3, ioPriority: (2 << 13) | 1 })
    expect(await probeExec(made, { process: { ...process, scheduler: { policy: 'SCHED_OTHER' } } }))
      .toMatchObject({ policy: 0, nice: 0, ioPriority: (2 << 13) | 1 })
  })
})
