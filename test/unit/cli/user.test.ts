import { describe, expect, test } from 'vitest'
import { parseId, parseUser } from '../../../lib/cli/user.ts'

describe('a user', () => {
  test.each([
    ['0', { uid: 0 }],
    ['1000', { uid: 1000 }],
    ['1000:50', { uid: 1000, gid: 50 }],
    ['010:0', { uid: 10, gid: 0 }],
    ['4294967294:4294967294', { uid: 4294967294, gid: 4294967294 }],
  ])('%s', (text, user) => {
    expect(parseUser(text)).toEqual(user)
  })

  const range = 'is not a number from 0 to 4294967294'
  test.each([
    ['', `bad uid: "" ${range}`],
    [':1', `bad uid: "" ${range}`],
    ['1:', `bad gid: "" ${range}`],
    ['1:2:3', `bad gid: "2:3" ${range}`],
    ['0x1', `bad uid: "0x1" ${range}`],
    [' 1', `bad uid: " 1" ${range}`],
    ['1\n', `bad uid: "1\n" ${range}`],
    ['-1', `bad uid: "-1" ${range}`],
    ['+1', `bad uid: "+1" ${range}`],
    ['1e3', `bad uid: "1e3" ${range}`],
    ['root', `bad uid: "root" ${range}`],
    ['4294967295', `bad uid: "4294967295" ${range}`],
    ['4294967296', `bad uid: "4294967296" ${range}`],
    ['1:4294967296', `bad gid: "4294967296" ${range}`],
  ])('not %j', (text, message) => {
    expect(() => parseUser(text)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }))
  })
})

test('a group id', () => {
  expect(parseId('gid', '27')).toBe(27)
  expect(() => parseId('gid', '1,2')).toThrow('bad gid: "1,2" is not a number')
})
