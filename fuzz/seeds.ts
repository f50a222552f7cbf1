/** `seeds.ts init|host DIRECTORY` writes the plans of some configs as inputs of fuzz/init.cc or fuzz/host.cc. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '../lib/plan/encode.ts'
import { operations, type Operation, type OperationName } from '../lib/plan/operations.ts'
import { type Random, random, randomOperation } from '../test/unit/plan/random.ts'
import { descriptors, everything, type Operations, planOf } from '../test/unit/plan/samples.ts'

const [target, directory] = process.argv.slice(2) as ['init' | 'host', string]

const sized = (bytes: Uint8Array): Uint8Array => {
  const size = Buffer.alloc(2)
  size.writeUInt16LE(Math.min(bytes.length, 0xffff))
  return Buffer.concat([size, bytes])
}

const numbers = (...values: readonly number[]): Buffer => Buffer.from(new Uint32Array(values).buffer)

/** What the host sends: the bootstrap, the plan, and a word wherever init waits for one; then the answers of the kernel. */
const initInput = (plan: Uint8Array, answers: Uint8Array): Uint8Array =>
  Buffer.concat([sized(Buffer.concat([numbers(0x6e757250, plan.length, 1000, 0), plan, Buffer.alloc(8)])), answers])

/** A frame of each kind, as in addon/plan/format.h; the process that goes on is fuzz/host.cc's. */
const frames = Buffer.concat([
  numbers(5, 4, 7000), numbers(4, 0), numbers(1, 0), numbers(7, 0), numbers(2, 12, 82, 1, 0), numbers(6, 0), numbers(3, 12, 0, 5, 2),
])
const state = encode([{ op: 'stageState', field: '', path: '/run/nrunc/web/state.json', head: '{', tail: '"pid":\u0001,"start":\u0002}' }])

/** The mode at random: what fuzz/host.cc does with it. */
const hostInput = (plan: Uint8Array, answers: Uint8Array, mode: number): Uint8Array =>
  Buffer.concat([Buffer.from([mode]), sized(plan), sized(state), sized(frames), answers])

const write = (name: string, input: Uint8Array): void => writeFileSync(join(directory, name), input)

/** Plans of whole containers, as much of init's code as they can have at work. */
const plans: Readonly<Record<string, Operations>> = {
  default: planOf(),
  everything: planOf(everything),
  terminal: planOf({ '/process/terminal': true }, { descriptors: { ...descriptors, terminal: { rows: 24, columns: 80, keepLineFeeds: true } } }),
  socket: planOf({ '/process/terminal': true }, { descriptors: { ...descriptors, count: 4, consoleSocket: 3 } }),
  copy: planOf({ '/mounts/1': { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'mode=755'] } }),
  home: planOf({ '/process/env': ['A=b'], '/process/args': ['sh'] }),
  filter: planOf({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO' }] } }),
}

const success = Buffer.alloc(64)
/** Bytes of which few are an error: fuzz/init.cc takes 0xf0 and higher for one. */
const any = (from: Random): Buffer => Buffer.from(Array.from({ length: 600 }, () => (from.below(60) === 0 ? 0xff : from.below(0xf0))))

const inputOf = ({ host, init }: Operations, answers: Uint8Array, mode: number): Uint8Array =>
  target === 'init' ? initInput(encode(init), answers) : hostInput(encode(host), answers, mode)

for (const [name, plan] of Object.entries(plans)) {
  write(name, inputOf(plan, success, 2))
  for (const seed of [1, 2, 3, 4]) write(`${name}-${seed}`, inputOf(plan, any(random(seed)), [2, 3, 74, 34][seed - 1]!))
}
// The thread that hands over the listener.
if (target === 'init') {
  const filter: Operation = { op: 'seccomp', field: '', program: new Uint8Array(8), flags: 8 /* NEW_LISTENER */, now: 1 }
  for (const seed of [0, 1, 2, 3]) write(`listener-${seed}`, initInput(encode([filter]), seed === 0 ? success : any(random(seed))))
}
const clone: Operation = { op: 'clone', field: '', flags: 0n, cgroup: '', bare: 0 }
for (const [op, { by }] of Object.entries(operations) as [OperationName, { by: string }][]) {
  if (by !== target) continue
  const operation = randomOperation(random(1), op)
  const plan = { host: op === 'clone' ? [operation] : [operation, clone], init: [operation] }
  const input = inputOf(plan, success, 2)
  if (input.length < 4096) write(op, input)
}
