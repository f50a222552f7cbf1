import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { definitions } from '../../lib/cli/main.ts'
import { features } from '../../lib/features.ts'
import { parseMountOptions } from '../../lib/plan/mount-flags.ts'
import { defaultSpec } from '../../lib/spec/defaults.ts'
import { validateSpec } from '../../lib/spec/validate.ts'

describe('the features document', () => {
  test('both versions are accepted in a config', () => {
    const { ociVersionMin, ociVersionMax } = features()
    for (const ociVersion of [ociVersionMin, ociVersionMax]) {
      expect(validateSpec({ ...defaultSpec(), ociVersion }).ociVersion).toBe(ociVersion)
    }
  })

  test('hooks in the order of the specification', () => {
    expect(features().hooks).toEqual(['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'])
  })

  test('every mount option has a meaning of its own', () => {
    const { mountOptions } = features()
    expect(mountOptions).toEqual(expect.arrayContaining(['bind', 'rbind', 'ro', 'rro', 'nosymfollow', 'rshared']))
    for (const option of mountOptions) expect([option, parseMountOptions([option]).data]).toEqual([option, ''])
  })

  test('all of the specification is there', () => {
    const { linux } = features()
    for (const { enabled } of [linux.seccomp, linux.apparmor, linux.selinux, linux.intelRdt, linux.mountExtensions.idmap, linux.netDevices]) {
      expect(enabled).toBe(true)
    }
    expect(linux.namespaces).toContain('time')
    expect(linux.cgroup.rdma).toBe(true)
  })

  test('systemd is there as soon as its flag is', async () => {
    const { program } = await definitions()
    expect(features().linux.cgroup.systemd).toBe('systemd-cgroup' in program.flags)
  })

  test('memory policies come from the definition', () => {
    expect(features().linux.memoryPolicy?.modes).toContain('MPOL_WEIGHTED_INTERLEAVE')
    expect(features().linux.memoryPolicy?.flags).toContain('MPOL_F_STATIC_NODES')
  })

  test('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    expect(features().annotations['org.nrunc.version']).toBe(version)
  })
})
