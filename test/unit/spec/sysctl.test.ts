import { expect, test } from 'vitest'
import { dottedSysctl, sysctlPath } from '../../../lib/spec/sysctl.ts'

test.each([
  ['net.ipv4.ip_forward', 'net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
  ['net/ipv4/conf/eno2.100/rp_filter', 'net.ipv4.conf.eno2/100.rp_filter', 'net/ipv4/conf/eno2.100/rp_filter'],
  ['net.ipv4.conf.eno2/100.rp_filter', 'net.ipv4.conf.eno2/100.rp_filter', 'net/ipv4/conf/eno2.100/rp_filter'],
  ['plain', 'plain', 'plain'],
])('%s', (name, dotted, path) => {
  expect(dottedSysctl(name)).toBe(dotted)
  expect(sysctlPath(name)).toBe(path)
})
