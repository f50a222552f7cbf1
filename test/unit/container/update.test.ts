import { describe, expect, test } from 'vitest'
import type { Resources } from '../../../lib/spec/schema.ts'
import { mergeResources } from '../../../lib/container/update.ts'
import { validateResources } from '../../../lib/spec/validate.ts'
import { thrown } from '../spec/helpers.ts'

describe('merging', () => {
  test.each<[string, Resources, Resources, Resources]>([
    ['what is not given stays', { memory: { limit: 5 }, pids: { limit: 3 } }, { pids: { limit: 4 } },
      { memory: { limit: 5 }, pids: { limit: 4 } }],
    ['field by field', { cpu: { quota: 5, period: 7 } }, { cpu: { quota: 9 } }, { cpu: { quota: 9, period: 7 } }],
    ['zero unsets', { memory: { limit: 5, swap: 9 } }, { memory: { swap: 0 } }, { memory: { limit: 5, swap: 0 } }],
    ['unlimited memory forgets the limit with swap', { memory: { limit: 5, swap: 9 } }, { memory: { limit: -1 } },
      { memory: { limit: -1, swap: undefined } }],
    ['unless one is given', { memory: { limit: 5 } }, { memory: { limit: -1, swap: 9 } }, { memory: { limit: -1, swap: 9 } }],
    ['idle forgets the shares', { cpu: { shares: 5 } }, { cpu: { idle: 1 } }, { cpu: { idle: 1, shares: undefined } }],
    ['unless they are given', { cpu: { shares: 5 } }, { cpu: { idle: 0, shares: 7 } }, { cpu: { idle: 0, shares: 7 } }],
    ['devices of block I/O one by one',
      { blockIO: { weight: 10, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }, { major: 8, minor: 1, rate: 2 }] } },
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 1, rate: 3 }, { major: 9, minor: 0, rate: 4 }] } },
      { blockIO: { weight: 10, throttleReadBpsDevice: [
        { major: 8, minor: 0, rate: 1 }, { major: 8, minor: 1, rate: 3 }, { major: 9, minor: 0, rate: 4 },
      ] } }],
    ['huge pages by size', { hugepageLimits: [{ pageSize: '2MB', limit: 1 }, { pageSize: '1GB', limit: 2 }] },
      { hugepageLimits: [{ pageSize: '2MB', limit: 3 }] },
      { hugepageLimits: [{ pageSize: '2MB', limit: 3 }, { pageSize: '1GB', limit: 2 }] }],
    ['network by interface', { network: { classID: 1, priorities: [{ name: 'lo', priority: 1 }] } },
      { network: { priorities: [{ name: 'lo', priority: 2 }] } }, { network: { classID: 1, priorities: [{ name: 'lo', priority: 2 }] } }],
    ['rdma and unified by name', { rdma: { a: { hcaHandles: 1 } }, unified: { x: '1' } },
      { rdma: { b: { hcaObjects: 2 } }, unified: { x: '2', y: '3' } },
      { rdma: { a: { hcaHandles: 1 }, b: { hcaObjects: 2 } }, unified: { x: '2', y: '3' } }],
    ['device rules as a whole', { devices: [{ allow: true, access: 'r' }] }, { devices: [{ allow: false, access: 'w' }] },
      { devices: [{ allow: false, access: 'w' }] }],
  ])('%s', (_, stored, given, merged) => {
    const before = structuredClone(stored)
    expect(mergeResources(stored, given)).toEqual(merged)
    expect(stored).toEqual(before)
  })
})

describe('resources alone are checked', () => {
  test('with pointers relative to them', () => {
    const error = thrown(() => validateResources({ memory: { limit: 'x' }, pids: { limit: 1.5 } }))
    expect(error.code).toBe('ERR_CONFIG_INVALID')
    expect(error.problems.map(({ field }) => field)).toEqual(['/memory/limit', '/pids/limit'])
  })

  test('also by the rules between fields', () => {
    expect(thrown(() => validateResources({ unified: { '../x': '1' } })).field).toBe('/unified/..~1x')
    expect(thrown(() => validateResources({ devices: [{ allow: true, access: 'z' }] })).field).toBe('/devices/0/access')
  })

  test('null is absent', () => expect(validateResources({ memory: null, cpu: { shares: null } })).toEqual({ cpu: {} }))
  test.each([[[]], ['x'], [7]])('%j is not resources', (value) => {
    expect(thrown(() => validateResources(value)).message).toMatch(/^invalid resources: must be an object/)
  })
})
