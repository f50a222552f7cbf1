/** Init on the kernels that the fuzzer has found worth keeping, with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const launcher = fileURLToPath(new URL('../../fuzz/run.mjs', import.meta.url))

test('init: no input of the corpus makes it crash, hang or do what is undefined', ({ skip }) => {
  const { status, stderr } = spawnSync(process.execPath, [launcher, 'init', '--replay'], { encoding: 'utf8' })
  if (stderr.startsWith('fuzz: no clang++')) skip(stderr.trim())
  expect(stderr).toMatch(/Done [1-9]\d+ runs/)
  expect(status, stderr).toBe(0)
})
