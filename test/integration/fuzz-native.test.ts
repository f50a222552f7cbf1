/** Init, and the host's part of a start, on the kernels that the fuzzers have found worth keeping, with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Milliseconds. The programs are compiled first, with sanitizers: most of the time. */
const timeout = 900_000

const launcher = fileURLToPath(new URL('../../fuzz/run.mjs', import.meta.url))

test.for(['init', 'host'])('%s: no input of the corpus makes it crash, hang or do what is undefined', { timeout }, (target, { skip }) => {
  const { status, stderr } = spawnSync(process.execPath, [launcher, target, '--replay'], { encoding: 'utf8' })
  if (stderr.startsWith('fuzz: no clang++')) skip(stderr.trim())
  expect(stderr).toMatch(/Done [1-9]\d+ runs/)
  expect(status, stderr).toBe(0)
})
