/** Writes the plans of some configs as inputs of fuzz/init.cc into the directory that is named. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '../lib/plan/encode.ts'
import { operations, type OperationName } from '../lib/plan/operations.ts'
import { random, randomOperation } from '../test/unit/plan/random.ts'
import { planOf } from '../test/unit/plan/samples.ts'

const directory = process.argv[2]!

/** What the host sends: the bootstrap, and the plan; then, as the answers of the kernel, nothing but success. */
function write(name: string, plan: Uint8Array): void {
  const bootstrap = Buffer.alloc(16)
  bootstrap.writeUInt32LE(0x6e757250, 0)
  bootstrap.writeUInt32LE(plan.length, 4)
  bootstrap.writeInt32LE(1000, 8)
  const size = Buffer.alloc(2)
  size.writeUInt16LE(Math.min(bootstrap.length + plan.length, 0xffff))
  writeFileSync(join(directory, name), Buffer.concat([size, bootstrap, plan, Buffer.alloc(64)]))
}

write('default', encode(planOf().init))
for (const op of Object.keys(operations) as OperationName[]) {
  const operation = randomOperation(random(1), op)
  const plan = encode([operation])
  if (plan.length < 4096) write(op, plan)
}
