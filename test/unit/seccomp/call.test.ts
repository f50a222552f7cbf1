/** What `struct seccomp_notif` becomes, and who answers. Source: seccomp_unotify(2), linux/seccomp.h. */
import { describe, expect, test } from 'vitest'
import { NruncError } from '../../../lib/errors.ts'
import { TrappedCall } from '../../../lib/seccomp/call.ts'
import { Listener } from '../../../lib/seccomp/listener.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { specOf } from '../plan/samples.ts'
import { thrown } from '../spec/helpers.ts'

function callOf({ number = 0, audit = 0xc000003e, args = [] as bigint[] } = {}): TrappedCall {
  const data = Buffer.alloc(80) // struct seccomp_notif
  data.writeBigUInt64LE(2n ** 64n - 1n, 0)
  data.writeUInt32LE(77, 8)
  data.writeInt32LE(number, 16)
  data.writeUInt32LE(audit, 20)
  data.writeBigUInt64LE(0x7f00_0000_1234n, 24)
  args.forEach((value, at) => data.writeBigUInt64LE(value, 32 + 8 * at))
  return new TrappedCall(1, 'web', data)
}

describe('a trapped call', () => {
  test('has the fields of the kernel', () => {
    const args = [1n, 2n ** 63n, 2n ** 64n - 1n, 4n, 5n, 6n]
    expect(callOf({ number: 165, args })).toMatchObject({
      id: 2n ** 64n - 1n, container: 'web', pid: 77, number: 165, name: 'mount', arch: 'SCMP_ARCH_X86_64', args, instructionPointer: 0x7f00_0000_1234n,
    })
  })

  test.each<[string, number, number, string, string | null]>([
    ['the 32-bit calls of x86', 21, 0x40000003, 'SCMP_ARCH_X86', 'mount'],
    ['x32 by its bit', 0x40000000 + 39, 0xc000003e, 'SCMP_ARCH_X32', 'getpid'],
    ['ARM64', 172, 0xc00000b7, 'SCMP_ARCH_AARCH64', 'getpid'],
    ['a number that nobody knows', 99_999, 0xc000003e, 'SCMP_ARCH_X86_64', null],
    ['a negative number', -5, 0xc00000b7, 'SCMP_ARCH_AARCH64', null],
    ['an architecture that nobody knows', 1, 0xdead, '0xdead', null],
  ])('is named by its architecture: %s', (_, number, audit, arch, name) => {
    expect(callOf({ number, audit })).toMatchObject({ number, arch, name })
  })

  test('its signal is aborted at the end, also when it is asked for later', () => {
    const [early, late] = [callOf(), callOf()]
    const { signal } = early
    early.end()
    late.end()
    expect([signal.aborted, late.signal.aborted, callOf().signal.aborted]).toEqual([true, true, false])
  })

  test.each<[string, (call: TrappedCall) => Promise<unknown>]>([
    ['an address', (call) => call.readMemory(-1n, 1)], ['an address', (call) => call.readMemory(2n ** 64n, 1)],
    ['an address', (call) => call.readMemory(16 as never, 1)], ['a length', (call) => call.readMemory(0n, 0)],
    ['a length', (call) => call.readMemory(0n, (1 << 20) + 1)], ['a longest text', (call) => call.readString(0n, 1.5)],
    ['a descriptor', (call) => call.addFd({ fd: -1 })], ['a number', (call) => call.addFd({ fd: 0, number: 2 ** 31 })],
  ])('refuses what is not %s, before the addon is asked', async (_, use) => {
    await expect(use(callOf())).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })
})

describe('who answers', () => {
  const handler = () => ({ continue: true }) as const
  const trapped = (more: object = {}): Spec =>
    specOf({ '/linux/seccomp': { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }], ...more } })
  const refused = (run: () => unknown): [string, string | undefined] => {
    const { code, field } = thrown(run)
    return [code, field]
  }

  test('a socket, the one of the environment last, or a function, which goes before that', () => {
    const env = { RUN_OCI_SECCOMP_RECEIVER: '/env' }
    expect(Listener.of(trapped({ listenerPath: '/own' }), undefined, env)).toBeInstanceOf(Listener)
    expect(Listener.of(trapped(), undefined, env)).toBeInstanceOf(Listener)
    expect(Listener.of(trapped(), handler, env)).toBeInstanceOf(Listener)
    expect(Listener.of(specOf(), undefined, env)).toBeUndefined()
  })

  test('nobody, or two, or for nothing, is an error', () => {
    expect(refused(() => Listener.of(trapped(), undefined, {}))).toEqual(['ERR_CONFIG_INVALID', '/linux/seccomp/listenerPath'])
    expect(refused(() => Listener.of(trapped({ listenerPath: '/own' }), handler, {}))).toEqual(['ERR_OPTION_INVALID', '/linux/seccomp/listenerPath'])
    expect(refused(() => Listener.of({ ...trapped(), annotations: { 'run.oci.seccomp.receiver': '/own' } }, handler, {})))
      .toEqual(['ERR_OPTION_INVALID', '/annotations/run.oci.seccomp.receiver'])
    expect(refused(() => Listener.of(specOf(), handler, {}))).toEqual(['ERR_OPTION_INVALID', '/linux/seccomp'])
    expect(thrown(() => Listener.of(trapped(), 'f' as never, {}))).toBeInstanceOf(NruncError)
  })
})
