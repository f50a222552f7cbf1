import { describe, expect, test } from 'vitest'
import { bitmap, planAffinity, planDomain, planScheduling } from '../../../lib/plan/scheduling.ts'
import type { ProcessSpec } from '../../../lib/spec/schema.ts'

const schedule = (process: Partial<ProcessSpec>) =>
  planScheduling({ args: ['x'], cwd: '/', user: { uid: 0, gid: 0 }, ...process }, '/process')

test.each<[string, number[]]>([
  ['', []], ['0', [1, 0, 0, 0, 0, 0, 0, 0]], ['1,63', [2, 0, 0, 0, 0, 0, 0, 128]],
  ['64', [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
])('the bits of %j, in whole words', (list, bytes) => {
  expect([...bitmap(list)]).toEqual(bytes)
})

test('more than 1,024 nodes', () => {
  expect(bitmap('0-1500')).toHaveLength(192)
})

describe('scheduler', () => {
  test('sched_setattr(2): every value, and zero for what is not given', () => {
    expect(schedule({
      scheduler: {
        policy: 'SCHED_DEADLINE', nice: -5, flags: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_UTIL_CLAMP_MAX'],
        runtime: 1, deadline: 18446744073709551615n, period: 3,
      },
    })).toEqual([{
      op: 'scheduler', field: '/process/scheduler', policy: 6, flags: 0x41, nice: -5, priority: 0, runtime: 1,
      deadline: 18446744073709551615n, period: 3,
    }])
    expect(schedule({ scheduler: { policy: 'SCHED_IDLE' } })).toMatchObject([{ policy: 5, flags: 0, nice: 0, period: 0 }])
  })

  test('nothing when it is not given', () => {
    expect(schedule({})).toEqual([])
  })
})

test.each([['IOPRIO_CLASS_RT', 7, 0x2007], ['IOPRIO_CLASS_BE', undefined, 0x4000], ['IOPRIO_CLASS_IDLE', 0, 0x6000]] as const)(
  'ioprio_set(2): %s %s is %i', (name, priority, value) => {
    expect(schedule({ ioPriority: { class: name, priority } }))
      .toEqual([{ op: 'ioPriority', field: '/process/ioPriority', priority: value }])
  })

test('affinity before and after the cgroups', () => {
  expect(planAffinity(undefined)).toEqual({ before: [], after: [] })
  expect(planAffinity({ initial: '', final: '1' })).toMatchObject({ before: [], after: [{ field: '/execCPUAffinity/final' }] })
  expect(planAffinity({ initial: '0' }).before).toMatchObject([{ op: 'affinity', field: '/execCPUAffinity/initial' }])
})

test('memory policy and personality', () => {
  expect(planDomain(undefined)).toEqual([])
  expect(planDomain({
    memoryPolicy: { mode: 'MPOL_WEIGHTED_INTERLEAVE', nodes: '0', flags: ['MPOL_F_STATIC_NODES', 'MPOL_F_NUMA_BALANCING'] },
    personality: { domain: 'LINUX32' },
  })).toEqual([
    { op: 'memoryPolicy', field: '/linux/memoryPolicy', mode: 0xa006, nodes: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]) },
    { op: 'personality', field: '/linux/personality', persona: 8 },
  ])
})
