import { expect, test } from 'vitest'
import { managerAddresses, parseAddresses } from '../../../lib/dbus/address.ts'

test.each([
  ['unix:path=/run/bus', ['/run/bus']],
  ['unix:path=/a%20b,guid=12;tcp:host=x,port=1;unix:abstract=/tmp/c', ['/a b', '\0/tmp/c']],
  ['unix:path=/a=b', ['/a=b']],
  ['unix:dir=/tmp', []],
  ['', []],
])('%s', (text, paths) => {
  expect(parseAddresses(text)).toEqual(paths)
})

test('the environment first, then the standard bus, then the manager itself', () => {
  expect(managerAddresses('system', {}, 0)).toEqual([
    { path: '/run/dbus/system_bus_socket', bus: true }, { path: '/run/systemd/private', bus: false },
  ])
  expect(managerAddresses('user', {}, 7).map(({ path }) => path)).toEqual(['/run/user/7/bus', '/run/user/7/systemd/private'])
  const environment = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x', XDG_RUNTIME_DIR: '/r', DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/y' }
  expect(managerAddresses('user', environment, 7).map(({ path }) => path)).toEqual(['/x', '/r/systemd/private'])
  expect(managerAddresses('system', environment, 7)[0]).toEqual({ path: '/y', bus: true })
})
