/**
 * The fuzzers in small; `npm run fuzz` runs them for longer.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { targets } from '../../fuzz/targets.ts'
import { random } from './plan/random.ts'

const counts = { config: 2000, words: 5000, state: 1000 } as const

// Some values are only warned of.
beforeAll(() => void vi.spyOn(process, 'emitWarning').mockImplementation(() => {}))
afterAll(() => void vi.restoreAllMocks())

test.each(Object.entries(counts))('%s: %i runs end well or in an error of ours', (name, count) => {
  const outcomes = new Set<string>()
  for (let seed = 0; seed < count; seed++) {
    try {
      outcomes.add(targets[name]!(random(seed)))
    } catch (cause) {
      throw new Error(`npm run fuzz -- ${name} --seed ${seed} --count 1`, { cause })
    }
  }
  expect(outcomes.size).toBeGreaterThan(1)
})
