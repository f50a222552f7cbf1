/**
 * A plan for many containers: the bytes of one in which the id is open, and those parts of it made anew that are about
 * what a start changes. Pure.
 */
import type { Limit } from '../cgroup/limit.ts'
import { type Facts, noting, once } from '../spec/looked.ts'
import { assemble, encode, type Encoded, encodeOperations } from './encode.ts'
import { OpenParts, openId, probeId } from './open-parts.ts'
import { operationsOf, type Part, type Plan } from './operations.ts'
import { inTurns, type Steps, Turns } from '../turns.ts'

/** The two halves of a plan as bytes. Init's is made when it is asked for, while the host is already at its own. */
export interface EncodedPlan {
  readonly host: Uint8Array
  readonly init: Uint8Array
  /** As {@link Plan.cgroup}, the operations as bytes. */
  readonly cgroup?: { readonly limits: readonly Limit[]; readonly prepare: Uint8Array } | undefined
}

export function encodePlan({ host, init, cgroup }: Plan): EncodedPlan {
  return {
    host: encode(operationsOf(host)),
    get init() { return encode(operationsOf(init)) },
    ...(cgroup === undefined ? {} : { cgroup: { limits: cgroup.limits, prepare: encode(cgroup.prepare) } }),
  }
}

/**
 * PLAN as bytes. When TURNS are over once the host's part is there, because it is the first one of this process, init's part
 * is made in turns of the event loop as well, before anything is cloned.
 */
export async function encodeInTurns(plan: Plan, turns: Turns): Promise<EncodedPlan> {
  const encoded = encodePlan(plan)
  if (!turns.due) return encoded
  await turns.give()
  return { ...encoded, init: assemble(await inTurns(encoding(plan.init))) }
}

/** A part at a time. */
function* encoding(parts: readonly Part[]): Steps<Encoded[]> {
  const encoded: Encoded[] = []
  for (const part of parts) {
    encoded.push(encodeOperations(part()))
    yield
  }
  return encoded
}

/** A plan for one start. */
export interface Start {
  /** What is not as it was in the plan that the template was made of. */
  readonly changed: Facts
  /** The plan compiled anew: its parts that have looked at that are taken from it. */
  readonly compile: () => Plan
}

/**
 * Gives the plan of an id as COMPILE does, of a config and a context that are {@link watched}. What COMPILE makes of an id is
 * tried out once: where it is more than putting it into texts, each plan is compiled anew.
 */
export class PlanTemplate {
  readonly #compile: (id: string) => Plan
  readonly #host: OpenParts | undefined
  readonly #init: OpenParts | undefined

  private constructor(compile: (id: string) => Plan, host?: OpenParts, init?: OpenParts) {
    this.#compile = compile
    this.#host = host
    this.#init = init
  }

  /** In turns of the event loop. @throws what COMPILE throws */
  static async of(compile: (id: string) => Plan): Promise<PlanTemplate> {
    return inTurns(PlanTemplate.#making(compile))
  }

  static* #making(compile: (id: string) => Plan): Steps<PlanTemplate> {
    const { made: open, facts } = noting(() => compile(openId))
    const other = compile(probeId)
    const host = yield* OpenParts.making(open.host, other.host, facts)
    const init = host && (yield* OpenParts.making(open.init, other.init, facts))
    return init === undefined ? new PlanTemplate(compile) : new PlanTemplate(compile, host, init)
  }

  /** Whether the plans need not be compiled again. */
  get isSpliced(): boolean { return this.#init !== undefined }

  /** @throws what compiling the changed parts throws; the getter of the part for init too */
  of(id: string, { changed, compile }: Start = { changed: new Set(), compile: () => this.#compile(id) }): EncodedPlan {
    const [host, init] = [this.#host, this.#init]
    const plan = once(compile)
    if (host === undefined || init === undefined) return encodePlan(plan())
    return {
      host: host.with(id, changed, () => plan().host),
      get init() { return init.with(id, changed, () => plan().init) },
    }
  }
}

/** How many combinations of descriptors and options are kept compiled. */
const kept = 8

/** The templates of one config. */
export class PlanTemplates {
  readonly #known = new Map<string, Promise<PlanTemplate>>()

  /** That of KEY, which says all that COMPILE depends on. */
  get(key: string, compile: (id: string) => Plan): Promise<PlanTemplate> {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const template = PlanTemplate.of(compile)
    if (this.#known.size === kept) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(key, template)
    template.catch(() => this.#known.delete(key))
    return template
  }
}
