import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { now } from '../../lib/clock.ts'

const lib = join(import.meta.dirname, '../../lib')

test('the clock tells milliseconds of CLOCK_MONOTONIC', () => {
  const milliseconds = (): number => Number(process.hrtime.bigint()) / 1e6
  const before = milliseconds()
  const time = now()
  expect(time).toBeGreaterThan(before - 0.001)
  expect(time).toBeLessThan(milliseconds() + 0.001)
})

test('no file of the library uses the clock that takes modules of Node to load', () => {
  const names = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => /\bperformance\s*\./.test(readFileSync(join(lib, name), 'utf8')))).toEqual([])
})
