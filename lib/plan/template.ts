/**
 * A plan for many containers that differ in their id alone. Pure.
 */
import type { Limit } from '../cgroup/limit.ts'
import { encode } from './encode.ts'
import type { Plan } from './operations.ts'
import { Spliced } from './splice.ts'

/** The two halves of a plan as bytes. Init's is made when it is asked for, while the host is already at its own. */
export interface EncodedPlan {
  readonly host: Uint8Array
  readonly init: Uint8Array
  /** As {@link Plan.cgroup}, the operations as bytes. */
  readonly cgroup?: { readonly limits: readonly Limit[]; readonly prepare: Uint8Array } | undefined
}

export const encodePlan = (plan: Plan): EncodedPlan => ({
  host: encode(plan.host),
  get init() { return encode(plan.init) },
  ...(plan.cgroup === undefined ? {} : { cgroup: { limits: plan.cgroup.limits, prepare: encode(plan.cgroup.prepare) } }),
})

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

  /** @throws what COMPILE throws */
  constructor(compile: (id: string) => Plan) {
    this.#compile = compile
    const [open, other] = [compile(openId), compile(probeId)]
    const [host, init] = [new Spliced(open.host, openId), new Spliced(open.init, openId)]
    if (!host.with(probeId).equals(encode(other.host)) || !init.with(probeId).equals(encode(other.init))) return
    this.#host = host
    this.#init = init
  }

  /** Whether the plans need not be compiled again. */
  get isSpliced(): boolean { return this.#host !== undefined }

  of(id: string): EncodedPlan {
    const [host, init] = [this.#host, this.#init]
    if (host === undefined || init === undefined) return encodePlan(this.#compile(id))
    return { host: host.with(id), get init() { return init.with(id) } }
  }
}
