/**
 * A plan for many containers that differ in their id alone. Pure.
 */
import type { Limit } from '../cgroup/limit.ts'
import { encode } from './encode.ts'
import type { Operation, Plan } from './operations.ts'
import { Spliced } from './splice.ts'
import { inTurns, type Steps, Turns } from '../turns.ts'

/** The two halves of a plan as bytes. Init's is made when it is asked for, while the host is already at its own. */
export interface EncodedPlan {
  readonly host: Uint8Array
  readonly init: Uint8Array
  /** As {@link Plan.cgroup}, the operations as bytes. */
  readonly cgroup?: { readonly limits: readonly Limit[]; readonly prepare: Uint8Array } | undefined
}

export const encodePlan = (plan: Plan, init?: readonly Operation[]): EncodedPlan => ({
  host: encode(plan.host),
  get init() { return encode(init ?? plan.init) },
  ...(plan.cgroup === undefined ? {} : { cgroup: { limits: plan.cgroup.limits, prepare: encode(plan.cgroup.prepare) } }),
})

/**
 * The plan that COMPILE makes. When TURNS are over then, because it is the first one of this process, init's part is made
 * in turns of the event loop as well, before anything is cloned.
 */
export async function compileInTurns(compile: () => Plan, turns: Turns): Promise<EncodedPlan> {
  const plan = compile()
  if (!turns.due) return encodePlan(plan)
  await turns.give()
  return encodePlan(plan, await inTurns(initSteps(plan)))
}

/** Compile with two ids, and look whether one plan can be made of the other; GIVE gets what is spliced, or nothing. */
function* making<T>(compile: (id: string) => Plan, give: (host?: Spliced, init?: Spliced) => T): Steps<T> {
  const open = compile(openId)
  yield
  const host = new Spliced(open.host, openId)
  yield
  const other = compile(probeId)
  yield
  if (!host.with(probeId).equals(encode(other.host))) return give()
  yield
  const operations = yield* initSteps(open)
  const init = new Spliced(operations, openId)
  yield
  return init.with(probeId).equals(encode(yield* initSteps(other))) ? give(host, init) : give()
}

/** Init's operations, a part at a time. */
function* initSteps(plan: Plan): Steps<Operation[]> {
  const operations: Operation[] = []
  for (const part of plan.initParts?.() ?? [plan.init]) {
    operations.push(...part)
    yield
  }
  return operations
}

/** An id that no container has: it stands for the one to be filled in. */
export const openId = `open.${'0123456789abcdef'.repeat(2)}`

/** One with every kind of character that an id can have, to try out whether filling in is all there is to it. */
export const probeId = 'Aa0_z+y-x.w'

/**
 * Gives the plan of an id as COMPILE does. What COMPILE makes of an id is tried out once: where it is more than putting
 * it into texts, each plan is compiled anew.
 */
export class PlanTemplate {
  readonly #compile: (id: string) => Plan
  readonly #host: Spliced | undefined
  readonly #init: Spliced | undefined

  private constructor(compile: (id: string) => Plan, host?: Spliced, init?: Spliced) {
    this.#compile = compile
    this.#host = host
    this.#init = init
  }

  /** In turns of the event loop. @throws what COMPILE throws */
  static async of(compile: (id: string) => Plan): Promise<PlanTemplate> {
    return inTurns(making(compile, (host, init) => new PlanTemplate(compile, host, init)))
  }

  /** Whether the plans need not be compiled again. */
  get isSpliced(): boolean { return this.#host !== undefined }

  of(id: string): EncodedPlan {
    const [host, init] = [this.#host, this.#init]
    if (host === undefined || init === undefined) return encodePlan(this.#compile(id))
    return { host: host.with(id), get init() { return init.with(id) } }
  }
}
