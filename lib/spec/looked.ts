/**
 * What something was made of: which of the fields that a start can change were looked at meanwhile. Where none of those
 * changes it would come out the same, and need not be made again.
 */
import type { Change } from './changes.ts'
import type { Spec } from './schema.ts'

/** A field that a start can change, or what follows from several: how many descriptors the files of the cgroups take. */
export type Fact = Change | 'taskFiles'

export type Facts = ReadonlySet<Fact>

/** Whether what has looked at FACTS may come out otherwise. */
export const concerns = (facts: Facts, changed: Facts): boolean => [...facts].some((fact) => changed.has(fact))

/** What is being looked at by what is made now. */
let looked = new Set<Fact>()

export const look = (fact: Fact): void => void looked.add(fact)

/** What MAKE gives, with all that it looked at. Of all that can change it must know through {@link watched} only. */
export function noting<T>(make: () => T): { readonly made: T; readonly facts: Facts } {
  const outer = looked
  const facts = looked = new Set<Fact>()
  try {
    return { made: make(), facts }
  } finally {
    looked = outer
    facts.forEach(look)
  }
}

/** Asks MAKE once. Whoever gets the result has looked at what it was made of. */
export function once<T>(make: () => T): () => T {
  let known: { readonly made: T; readonly facts: Facts } | undefined
  return () => {
    if (known === undefined) known = noting(make)
    else known.facts.forEach(look)
    return known.made
  }
}

/** OBJECT, with a note made of whoever looks at one of these entries. */
export function watched<T extends object, Name extends keyof T & string>(object: T, facts: Readonly<Record<Name, Fact>>): T {
  const view = { ...object }
  for (const name of Object.keys(facts) as Name[]) {
    Object.defineProperty(view, name, {
      enumerable: true,
      get() {
        look(facts[name])
        return object[name]
      },
    })
  }
  return view
}

/** A config, with a note made of whoever looks at what a start can change. */
export function watchedSpec(spec: Spec): Spec {
  const { process, linux = {} } = spec
  return watched({
    ...spec,
    ...(process === undefined ? {} : { process: watched(process, { args: 'args', env: 'env', cwd: 'cwd', terminal: 'terminal' }) }),
    linux: watched(linux, { cgroupsPath: 'cgroupsPath' }),
  }, { hostname: 'hostname', mounts: 'mounts', annotations: 'annotations' })
}
