import { expect, test } from 'vitest'
import { capabilityNames, rlimitNames } from '../../../lib/spec/names.ts'

// Numbers of linux/capability.h and asm-generic/resource.h.
test.each([
  ['CAP_CHOWN', 0], ['CAP_KILL', 5], ['CAP_NET_BIND_SERVICE', 10], ['CAP_SYS_ADMIN', 21], ['CAP_MKNOD', 27],
  ['CAP_AUDIT_WRITE', 29], ['CAP_SETFCAP', 31], ['CAP_SYSLOG', 34], ['CAP_CHECKPOINT_RESTORE', 40],
] as const)('%s is bit %i', (name, bit) => {
  expect(capabilityNames.indexOf(name)).toBe(bit)
})

test.each([
  ['RLIMIT_CPU', 0], ['RLIMIT_CORE', 4], ['RLIMIT_NPROC', 6], ['RLIMIT_NOFILE', 7],
  ['RLIMIT_AS', 9], ['RLIMIT_RTTIME', 15],
] as const)('%s is %i', (name, number) => {
  expect(rlimitNames.indexOf(name)).toBe(number)
})

test('no name is there twice', () => {
  expect(new Set(capabilityNames).size).toBe(41)
  expect(new Set(rlimitNames).size).toBe(16)
})
