import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { unavailableCapabilities, warnOfCapabilities } from '../../../lib/bundle/capabilities.ts'
import { capabilityNames } from '../../../lib/spec/names.ts'

test('names that nobody knows, each once', () => {
  expect(unavailableCapabilities({ capabilities: { bounding: ['CAP_KILL', 'CAP_FLY'], ambient: ['CAP_FLY', 'kill'] } }))
    .toEqual(['CAP_FLY', 'kill'])
  expect(unavailableCapabilities({})).toEqual([])
})

test('names that are newer than the kernel', () => {
  const capabilities = { effective: ['CAP_AUDIT_READ', 'CAP_BPF', 'CAP_CHECKPOINT_RESTORE'] }
  expect(unavailableCapabilities({ capabilities }, 37)).toEqual(['CAP_BPF', 'CAP_CHECKPOINT_RESTORE'])
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'latin1'))
  expect(unavailableCapabilities({ capabilities: { bounding: [...capabilityNames] } })).toEqual(capabilityNames.slice(last + 1))
})

test('a warning in the words of runc, and none without a reason', () => {
  const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  warnOfCapabilities({ capabilities: { bounding: ['CAP_KILL'] } })
  expect(emit).not.toHaveBeenCalled()
  warnOfCapabilities({ capabilities: { bounding: ['CAP_FLY', 'CAP_SWIM'] } })
  expect(emit.mock.calls).toEqual([
    ['ignoring unknown or unavailable capabilities: [CAP_FLY CAP_SWIM]', { code: 'NRUNC_CAPABILITIES' }],
  ])
  emit.mockRestore()
})
