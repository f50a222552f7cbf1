import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { reportsIn, reportsOf } from '../../scripts/sanitizer-reports.mjs'

const line = '=================='
const race = (file: string): string => `${line}
WARNING: ThreadSanitizer: data race (pid=1)
  Write of size 8 at 0x7b0400000000 by thread T5:
    #0 host::Reactor::loop() <null> (${file}+0x1234)
${line}
`
const overflow = `${'='.repeat(65)}
==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011
WRITE of size 1 at 0x602000000011 thread T0
    #0 0x7f0000000000 in __interceptor_memcpy
`
const undefinedBehaviour = 'addon/host/reactor.cc:40:3: runtime error: shift exponent 64 is too large\n'

test('each report of a process', () => {
  expect(reportsOf(race('/x/nrunc.node') + race('/x/nrunc.node'))).toHaveLength(2)
  expect(reportsOf(overflow)).toEqual([expect.stringContaining('heap-buffer-overflow')])
  expect(reportsOf(undefinedBehaviour)).toHaveLength(1)
  expect(reportsOf('FATAL: ThreadSanitizer: unexpected memory mapping 0x55-0x56\n')).toHaveLength(1)
})

test('a race without the addon is not ours', () => {
  expect(reportsOf(race('/usr/local/bin/node'))).toEqual([])
  expect(reportsOf(race('/usr/local/bin/node') + race('/x/nrunc.node'))).toHaveLength(1)
  expect(reportsOf(`${race('/usr/local/bin/node')}ThreadSanitizer: reported 1 warnings\n`)).toEqual([])
  expect(reportsOf('')).toEqual([])
})

test('of all files of a directory, which may not be there', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nrunc-reports-'))
  try {
    writeFileSync(join(directory, 'report.7'), overflow)
    writeFileSync(join(directory, 'report.8'), race('/usr/local/bin/node'))
    expect(reportsIn(directory).map(({ file }) => file)).toEqual([join(directory, 'report.7')])
    expect(reportsIn(join(directory, 'none'))).toEqual([])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
