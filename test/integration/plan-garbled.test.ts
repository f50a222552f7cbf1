/**
 * Init and a plan that is cut or changed: it says so and ends, whatever byte it is. The plan is given to the addon as
 * the library does it, in namespaces of its own without any right.
 */
import { beforeAll, expect, test } from 'vitest'
import { addon, EVENT, hold, letGo, subscribe, unsubscribe } from '../../lib/native/addon.ts'
import { encode } from '../../lib/plan/encode.ts'
import type { Operation } from '../../lib/plan/operations.ts'
import { useSandbox } from '../helpers/containers.ts'
import { type Snapshot, nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

/** CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: nothing that it could do reaches the host. */
const flags = 0x20000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000

const hostPlan = encode([{ op: 'clone', field: '/linux/namespaces', flags, cgroup: '', bare: 0 }])
const operations: readonly Operation[] = [
  { op: 'umask', field: '/process/user/umask', mask: 0o022 },
  { op: 'setHostname', field: '/hostname', name: 'name' },
  { op: 'rlimit', field: '/process/rlimits/0', resource: 4, name: 'RLIMIT_CORE', soft: 0n, hard: 0n },
  { op: 'findProgram', field: '/process/args/0', name: '/no/such/program', search: '' },
]
const initPlan = encode(operations)

interface Outcome {
  /** Whether a failure was told. */
  readonly failed: boolean
  /** Exit code of init, -1 where a signal ended it, undefined where there was no process. */
  readonly code: number | undefined
}

/** All that may come of a plan that is none. */
const refused = new Set(['{"failed":true,"code":1}'])

/** Execute a pair of plans, and wait for the end. */
function execute(host: Uint8Array, init: Uint8Array): Promise<Outcome> {
  return new Promise((resolve) => {
    let [failed, spawned] = [false, false]
    const finish = (code?: number): void => {
      unsubscribe(id)
      letGo()
      resolve({ failed, code })
    }
    const id = subscribe((type, code) => {
      if (type === EVENT.spawned) spawned = true
      if (type === EVENT.failed) failed = true
      if (type === EVENT.failed && !spawned) finish()
      if (type === EVENT.exited) finish(code)
    })
    hold()
    addon().spawn(id, host, [], Buffer.alloc(0), false, -1, '')
    addon().plan(init)
  })
}

async function outcomes(plans: readonly Uint8Array[]): Promise<Outcome[]> {
  const all: Outcome[] = []
  for (let at = 0; at < plans.length; at += 8) {
    all.push(...await Promise.all(plans.slice(at, at + 8).map((plan) => execute(hostPlan, plan))))
  }
  return all
}

const changed = (plan: Uint8Array, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(plan)
  change(copy)
  return copy
}

describeWith([...container, 'userNamespaces'], 'a garbled plan', () => {
  const sandbox = useSandbox()
  let before: Snapshot
  beforeAll(async () => {
    await execute(hostPlan, initPlan)
    before = snapshot(sandbox)
  })

  test('the whole one fails at its last operation alone', async () => {
    expect(await execute(hostPlan, initPlan)).toEqual({ failed: true, code: 1 })
  })

  test('cut anywhere', async () => {
    const plans = Array.from({ length: initPlan.length - 1 }, (_, length) => initPlan.subarray(0, length + 1))
    expect(new Set((await outcomes(plans)).map((one) => JSON.stringify(one)))).toEqual(refused)
  })

  test('cut anywhere, with a length that fits', async () => {
    const plans = Array.from({ length: initPlan.length - 16 }, (_, length) =>
      changed(initPlan.subarray(0, length + 16), (copy) => copy.writeUInt32LE(copy.length, 8)))
    expect(new Set((await outcomes(plans)).map((one) => JSON.stringify(one)))).toEqual(refused)
  })

  test.each([0x00, 0xff, 0x7f, 0x80])('each byte in turn made %i', async (value) => {
    const plans = Array.from({ length: initPlan.length }, (_, at) =>
      changed(initPlan, (copy) => copy.writeUInt8(value, at)),
    )
    for (const [at, { failed, code }] of (await outcomes(plans)).entries())
      expect([failed, code], `byte ${at}`).toEqual([true, 1])
  })

  test('more operations than there are', async () => {
    expect(
      await execute(
        hostPlan,
        changed(initPlan, (copy) => copy.writeUInt32LE(0xffffffff, 12)),
      ),
    ).toEqual({ failed: true, code: 1 })
  })

  test('no operation, nothing at all, nothing but noise', async () => {
    expect(await execute(hostPlan, encode([]))).toEqual({ failed: true, code: 1 })
    expect(await execute(hostPlan, Buffer.alloc(0))).toEqual({ failed: true, code: undefined })
    expect(await execute(hostPlan, Buffer.alloc(100_000, 0xff))).toEqual({ failed: true, code: 1 })
  })

  test('operations of the host among those of init', async () => {
    const plan = encode([{ op: 'writeCgroup', field: '', path: '/dev/null', value: 'x', optional: 1 }])
    expect(await execute(hostPlan, plan)).toEqual({ failed: true, code: 1 })
  })

  test('the host\'s own plan, cut anywhere: no process', async () => {
    for (let length = 0; length < hostPlan.length; length++) {
      expect(await execute(hostPlan.subarray(0, length), initPlan), `length ${length}`).toEqual({
        failed: true,
        code: undefined,
      })
    }
  })

  test('operations of init among those of the host: no process', async () => {
    const plan = encode([{ op: 'umask', field: '', mask: 0 }, { op: 'clone', field: '', flags, cgroup: '', bare: 0 }])
    expect(await execute(plan, initPlan)).toEqual({ failed: true, code: undefined })
  })

  test('after all of these nothing is left', async () => {
    await nothingLeft(sandbox, before)
  })
})
