import { describe, expect, test } from 'vitest'
import { IdMap } from '../../lib/files/ids.ts'
import { thrown } from './spec/helpers.ts'

describe('owners', () => {
  const map = new IdMap('uid', '         0     100000      65536\n     70000        500         10\n')

  test.each([[0, 100000], [65535, 165535], [70000, 500], [70009, 509]])('%i inside is %i outside', (inside, outside) => {
    expect([map.toHost(inside), map.fromHost(outside)]).toEqual([outside, inside])
  })

  test.each([65536, 69999, 70010, -1, 1.5, NaN, 4294967295])('%d is not there', (id) => {
    expect(thrown(() => map.toHost(id))).toMatchObject({ code: 'ERR_OPTION_INVALID', message: `the container has no uid ${id}` })
  })

  test.each([0, 499, 510, 99999, 165536])('%d of the host is nobody', (id) => {
    expect(map.fromHost(id)).toBe(65534)
  })

  test('the map of the initial user namespace is that of all ids', () => {
    const all = new IdMap('gid', '         0          0 4294967295\n')
    expect([all.toHost(4294967294), all.fromHost(1000)]).toEqual([4294967294, 1000])
  })
})
