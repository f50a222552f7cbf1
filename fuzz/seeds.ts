/** Writes the plans of some configs as inputs of fuzz/init.cc into the directory that is named. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '../lib/plan/encode.ts'
import { operations, type OperationName, type Plan } from '../lib/plan/operations.ts'
import { type Random, random, randomOperation } from '../test/unit/plan/random.ts'
import { descriptors, everything, planOf } from '../test/unit/plan/samples.ts'

const directory = process.argv[2]!

/** What the host sends: the bootstrap, the plan, and a word wherever init waits for one; then the answers of the kernel. */
function write(name: string, plan: Uint8Array, answers: Uint8Array): void {
  const bootstrap = Buffer.alloc(16)
  bootstrap.writeUInt32LE(0x6e757250, 0)
  bootstrap.writeUInt32LE(plan.length, 4)
  bootstrap.writeInt32LE(1000, 8)
  const size = Buffer.alloc(2)
  const words = Buffer.alloc(8) // that it may go on
  size.writeUInt16LE(Math.min(bootstrap.length + plan.length + words.length, 0xffff))
  writeFileSync(join(directory, name), Buffer.concat([size, bootstrap, plan, words, answers]))
}

/** Plans of whole containers, as much of init's code as they can have at work. */
const plans: Readonly<Record<string, Plan>> = {
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

for (const [name, plan] of Object.entries(plans)) {
  write(name, encode(plan.init), success)
  for (const seed of [1, 2, 3, 4]) write(`${name}-${seed}`, encode(plan.init), any(random(seed)))
}
for (const op of Object.keys(operations) as OperationName[]) {
  const operation = randomOperation(random(1), op)
  const plan = encode([operation])
  if (plan.length < 4096) write(op, plan, success)
}
