/**
 * The fuzzers in small, and the inputs that they have found worth keeping; `npm run fuzz` runs them for longer.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { runOnce, targets, textOf } from '../../fuzz/targets.ts'
import { random } from './plan/random.ts'

const counts = { config: 1000, seccomp: 100, words: 5000, state: 300, cgroup: 500, criu: 5000, dbus: 3000 } as const

// Some values are only warned of.
beforeAll(() => void vi.spyOn(process, 'emitWarning').mockImplementation(() => {}))
afterAll(() => void vi.restoreAllMocks())

describe('at random', () => {
  test.each(Object.entries(counts))('%s: %i runs end well or in an error of ours', (name, count) => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < count; seed++) {
      try {
        outcomes.add(runOnce(targets[name]!, random(seed)))
      } catch (cause) {
        throw new Error(`npm run fuzz -- ${name} --seed ${seed} --count 1`, { cause })
      }
    }
    expect(outcomes.size).toBeGreaterThan(1)
  })
})

test('a seed makes the same document, whatever was made before', () => {
  const texts = (): string[] => Array.from({ length: 2000 }, (_, seed) => {
    const from = random(seed)
    return textOf(targets['config']!, from.pick(targets['config']!.seeds), from.pick(targets['config']!.seeds), from)
  })
  expect(texts()).toEqual(texts())
})

describe('the corpus', () => {
  const file = (name: string): string => fileURLToPath(new URL(`../../fuzz/corpus/${name}.jsonl`, import.meta.url))

  test.each(Object.keys(targets).filter((name) => existsSync(file(name))))('of %s: each input ends well or in an error of ours', (name) => {
    const outcomes = new Set<string>()
    for (const text of readFileSync(file(name), 'utf8').trimEnd().split('\n')) {
      try {
        outcomes.add(targets[name]!.run(text))
      } catch (cause) {
        throw new Error(`fuzz/corpus/${name}.jsonl: ${text}`, { cause })
      }
    }
    expect(outcomes.size).toBeGreaterThan(1)
  })
})
