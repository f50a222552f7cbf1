import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultSpec, rootlessSpec } from '../../../lib/spec/defaults.ts'
import { stringifyJson } from '../../../lib/spec/parse.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'

/** What runc 1.1 wrote, with what 1.5 changed: the version, and no ambient capabilities without inheritable ones. */
function written(name: string): Spec {
  const file = new URL(`../../fixtures/runc-spec/${name}.json`, import.meta.url)
  const spec = JSON.parse(readFileSync(file, 'utf8')) as Spec
  delete spec.process?.capabilities?.ambient
  return { ...spec, ociVersion: '1.3.0' }
}

test('the default spec is that of runc, in the same order', () => {
  expect(stringifyJson(defaultSpec(), '\t')).toBe(JSON.stringify(written('spec'), null, '\t'))
})

test('the rootless spec is that of runc, in the same order', () => {
  expect(stringifyJson(rootlessSpec(defaultSpec(), 0, 0), '\t')).toBe(JSON.stringify(written('rootless'), null, '\t'))
})

test('the cgroup namespace comes last', () => {
  expect(defaultSpec({ cgroupNamespace: true }).linux?.namespaces?.map(({ type }) => type)).toEqual([
    'pid', 'network', 'ipc', 'uts', 'mount', 'cgroup',
  ])
})

test('the rootless spec maps the caller and keeps nothing that needs more', () => {
  const base = defaultSpec({ cgroupNamespace: true })
  const spec = rootlessSpec({
    ...base,
    mounts: [
      { destination: '/sys/', type: 'sysfs' },
      { destination: '/t', options: ['uid=3', 'gid=4', 'mode=1'] },
      { destination: '/p' },
    ],
    linux: { ...base.linux, uidMappings: [{ containerID: 0, hostID: 7, size: 9 }] },
  }, 1000, 100)
  expect(spec.mounts).toEqual([
    { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] },
    { destination: '/t', options: ['mode=1'] },
    { destination: '/p' },
  ])
  expect(spec.linux).toMatchObject({
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: 100, size: 1 }],
  })
  expect(spec.linux).not.toHaveProperty('resources')
  expect(spec.linux?.namespaces?.map(({ type }) => type)).toEqual(['pid', 'ipc', 'uts', 'mount', 'cgroup', 'user'])
  expect(rootlessSpec(spec, 5, 5).linux?.namespaces?.filter(({ type }) => type === 'user')).toHaveLength(1)
})

test('they are valid, and fresh objects', () => {
  const makers = [
    () => defaultSpec(), () => defaultSpec({ cgroupNamespace: true }), () => rootlessSpec(defaultSpec(), 1, 2),
  ]
  for (const make of makers) {
    expect(validateSpec(make())).toEqual(make())
  }
  const spec = defaultSpec()
  spec.process?.args.push('x')
  spec.process?.capabilities?.bounding?.push('CAP_SYS_ADMIN')
  expect(defaultSpec().process?.args).toEqual(['sh'])
  expect(defaultSpec().process?.capabilities?.bounding).not.toContain('CAP_SYS_ADMIN')
})
