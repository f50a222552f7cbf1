/**
 * The validator against the official JSON schemas of runtime-spec (test/fixtures/runtime-spec/schema): what they accept is
 * accepted, what they refuse is refused, but for the differences that are listed here with their reasons.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Ajv as Validator, ErrorObject, Options } from 'ajv'
import { describe, expect, test } from 'vitest'
import { NruncError, type Problem } from '../../../lib/errors.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { random } from '../plan/random.ts'
import { fullSpec } from './full-spec.ts'

// CommonJS that says of itself that it is a module.
const { default: Ajv } = createRequire(import.meta.url)('ajv-draft-04') as { default: new (options: Options) => Validator }
const schema = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../fixtures/runtime-spec/schema/${name}.json`, import.meta.url), 'utf8')) as object

const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, logger: false })
for (const name of ['config-linux', 'defs', 'defs-linux']) ajv.addSchema(schema(name), `${name}.json`)
for (const name of ['freebsd', 'solaris', 'vm', 'windows', 'zos']) ajv.addSchema({ [name]: {} }, `config-${name}.json`)
const official = ajv.compile(schema('config-schema'))

const schemaErrors = (value: unknown): ErrorObject[] => (official(value) ? [] : official.errors ?? [])
function ourProblems(value: unknown): readonly Problem[] {
  try {
    validateSpec(value)
    return []
  } catch (error) {
    if (error instanceof NruncError) return error.problems
    throw error
  }
}

interface Difference {
  readonly field: RegExp
  /** Of our message, or the keyword of the schema. */
  readonly about: RegExp
  readonly why: string
}

/** What the schemas accept and we refuse. */
const stricter: readonly Difference[] = [
  { field: /^\/ociVersion$/, about: /semantic version 1/, why: 'config.md: SemVer 2.0.0, compatible within a major version' },
  { field: /^\/root(\/path)?$/, about: /must (be specified|not be empty)/, why: 'config.md: root and its path are required on Linux' },
  { field: /^\/process\/cwd$/, about: /absolute|empty/, why: 'config.md: cwd is required and absolute' },
  { field: /^\/process\/args$/, about: /empty/, why: 'config.md: args are required on Linux, and at least one' },
  { field: /^\/process\/env\/\d+$/, about: /invalid environment variable/, why: 'config.md: the semantics of environ(7)' },
  { field: /^\/process\/user\//, about: /stands for no id/, why: 'setresuid(2): -1 is "no change"' },
  { field: /^\/process\/consoleSize\//, about: /from 0 to 65535/, why: "the kernel's winsize has 16 bits" },
  { field: /^\/process\/oomScoreAdj$/, about: /from -1000 to 1000/, why: 'proc_pid_oom_score_adj(5)' },
  { field: /^\/process\/rlimits\//, about: /wrong rlimit|duplicate|above the hard/, why: 'config.md: duplicated and unknown types are errors; setrlimit(2)' },
  { field: /^\/process\/scheduler/, about: /invalid scheduler|can only be specified/, why: "sched_setattr(2), in runc's words" },
  { field: /^\/process\/ioPriority\//, about: /invalid ioPriority/, why: 'config.md: 0 to 7' },
  { field: /^\/(process\/user|mounts)\//, about: /no mapping found/, why: 'an id that the user namespace does not map cannot be set' },
  { field: /^\/mounts\/\d+\//, about: /must not be empty|id-mapped mounts/, why: 'config.md "Mounts": what a mount takes' },
  { field: /Mappings\/\d+\/size$/, about: /greater than zero|beyond the last id/, why: 'user_namespaces(7)' },
  { field: /^\/(hooks\/|linux\/(devices|maskedPaths|readonlyPaths)\/).*/, about: /must be absolute/, why: 'config.md, config-linux.md: an absolute path' },
  { field: /^\/hooks\/.*\/timeout$/, about: /-2147483648 to 2147483647/, why: "runc's int, far beyond what anybody waits" },
  { field: /^\/(hostname|domainname|linux\/\w+)/, about: /without a private|isn't enabled|no [ug]id mappings|in (the hosts|host)|not in a separate/, why: 'config-linux.md: needs a namespace of its own' },
  { field: /^\/linux\/devices\/\d+\/(major|minor)$/, about: /invalid device number|is required for/, why: 'config-linux.md: required unless it is a FIFO; mknod(2)' },
  { field: /^\/linux\/resources\/devices\//, about: /device access|cgroup device type/, why: "a, b or c; a composition of r, w and m: runc's rule" },
  { field: /^\/linux\/resources\/(devices|blockIO\/.*)\/\d+\/(major|minor)$/, about: /invalid device number/, why: 'the kernel has 32 bits at most; -1 is any number in a rule' },
  { field: /^\/linux\/resources\/memory\/swappiness$/, about: /invalid memory swappiness/, why: 'config-linux.md: 0 to 100' },
  { field: /^\/linux\/resources\/rdma\//, about: /at least one of/, why: 'config-linux.md "RDMA"' },
  { field: /^\/linux\/timeOffsets\/.*\/nanosecs$/, about: /below a second/, why: 'time_namespaces(7): the kernel takes no more' },
  { field: /^\/linux\/netDevices\//, about: /invalid network device name/, why: 'what the kernel takes for the name of an interface' },
  { field: /^\/linux\/intelRdt\/closID$/, about: /invalid intelRdt/, why: 'the name of one directory' },
  { field: /^\/linux\/memoryPolicy\/nodes$/, about: /memory policy/, why: 'set_mempolicy(2): which modes take nodes, and the form of a list' },
  { field: /^\/linux\/(memoryPolicy\/mode|personality\/domain)$/, about: /is required/, why: 'config-linux.md: required' },
  { field: /^\/linux\/personality\/flags$/, about: /not supported/, why: 'config-linux.md: no flag has a meaning' },
  { field: /^\/linux\/seccomp\/listenerMetadata$/, about: /without listenerPath/, why: 'config-linux.md: an error' },
  { field: /^\/linux\/seccomp\/listenerPath$/, about: /absolute/, why: 'a path of the host' },
  { field: /^\/linux\/seccomp\/.*rrnoRet$/, about: /above 4095/, why: 'what seccomp(2) can return' },
  { field: /^\/linux\/seccomp\/.*\/names/, about: /empty/, why: 'config-linux.md: at least one name; an empty one is none' },
  { field: /^\/linux\/seccomp\/.*\/index$/, about: /from 0 to 5/, why: 'a system call has six arguments' },
]

/** What the schemas refuse and we accept. */
const looser: readonly Difference[] = [
  { field: /./, about: /found null$/, why: 'Go programs write null for what is absent' },
  { field: /^\/linux\/devices\/\d+\/fileMode$/, about: /^maximum/, why: 'clients send the file type beside the permissions' },
  { field: /^\/linux\/intelRdt\/memBwSchema$/, about: /^pattern.*found ""/, why: 'empty is unset' },
  { field: /^\/linux\/resources\/pids$/, about: /^required/, why: 'without a limit nothing is asked for' },
  { field: /^\/linux\/rootfsPropagation$/, about: /^enum.*found ""/, why: 'empty is unset' },
]

const used = new Set<Difference>()
const explain = (list: readonly Difference[], field: string, about: string): boolean => {
  const found = list.filter((one) => one.field.test(field) && one.about.test(about))
  found.forEach((one) => used.add(one))
  return found.length > 0
}

/** Differences without a reason. */
function unexplained(value: unknown): string[] {
  const [theirs, ours] = [schemaErrors(value), ourProblems(value)]
  if (theirs.length === 0) {
    return ours.filter(({ field, message }) => !explain(stricter, field, message)).map(({ field, message }) => `we refuse ${field}: ${message}`)
  }
  if (ours.length > 0) return []
  return theirs.map(({ instancePath, keyword, message, data }) => [instancePath, `${keyword} ${message}, found ${JSON.stringify(data)}`] as const)
    .filter(([field, about]) => !explain(looser, field, about)).map(([field, about]) => `we accept ${field}: ${about}`)
}

type Key = string | number
type Path = readonly Key[]

function paths(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([key, one]) => paths(one, [...at, Array.isArray(value) ? Number(key) : key]))]
}

const gone = Symbol('gone')
const replacements: readonly unknown[] = [gone, null, true, 0, -1, 1.5, 600, 70000, 2 ** 32 - 1, 2 ** 32, 'x', '', '/x', [], {}, ['x']]

function mutate(value: object, path: Path, replacement: unknown): unknown {
  const copy = structuredClone(value)
  let node = copy as Record<Key, unknown>
  for (const key of path.slice(0, -1)) node = node[key] as Record<Key, unknown>
  const last = path.at(-1)
  if (last === undefined) return replacement === gone ? undefined : replacement
  if (replacement !== gone) node[last] = replacement
  else if (Array.isArray(node)) node.splice(last as number, 1)
  else delete node[last]
  return copy
}

describe('a config with every field', () => {
  test('is accepted by both', () => {
    expect(schemaErrors(fullSpec)).toEqual([])
    expect(ourProblems(fullSpec)).toEqual([])
  })

  test('each of its values in turn replaced by others', () => {
    const found = paths(fullSpec).filter((path) => path.length > 0).flatMap((path) => replacements.flatMap((replacement) => unexplained(mutate(fullSpec, path, replacement))))
    expect([...new Set(found)]).toEqual([])
  })

  test('several of them at once, the same in every run', () => {
    const from = random(20260822)
    const all = paths(fullSpec).filter((path) => path.length > 0)
    const found = Array.from({ length: 1500 }, () => {
      let value = fullSpec as object
      for (let count = 1 + from.below(3); count > 0; count--) {
        const path = from.pick(all)
        try {
          value = mutate(value, path, from.pick(replacements)) as object
        } catch {
          continue // the first change took away where the second one would be
        }
      }
      return unexplained(value)
    }).flat()
    expect([...new Set(found)]).toEqual([])
  })

  test('every reason is needed', () => {
    expect([...stricter, ...looser].filter((one) => !used.has(one)).map(({ why }) => why)).toEqual([])
  })
})
