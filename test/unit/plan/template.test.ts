import { describe, expect, test } from 'vitest'
import { compile } from '../../../lib/plan/compile.ts'
import type { Plan } from '../../../lib/plan/operations.ts'
import { encodePlan, PlanTemplate } from '../../../lib/plan/template.ts'
import { requireProcess } from '../../../lib/spec/validate.ts'
import { contextOf, descriptors, everything, specOf, type Surroundings, user } from './samples.ts'

/** How a blueprint compiles: everything that depends on the id does so here. */
function compiler(changes: Readonly<Record<string, unknown>>, surroundings: Surroundings = {}): (id: string) => Plan {
  const spec = specOf(changes)
  return (id) => compile(spec, requireProcess(spec), contextOf(spec, { ...surroundings, id }))
}

const same = (template: PlanTemplate, compileFor: (id: string) => Plan, id: string): void => {
  const [given, wanted] = [template.of(id), encodePlan(compileFor(id))]
  expect(Buffer.compare(given.host, wanted.host)).toBe(0)
  expect(Buffer.compare(given.init, wanted.init)).toBe(0)
}

const ids = ['a', 'web', 'x'.repeat(255), '0_+-.A', 'open', 'b.c-d_e+f']

describe('a template gives the plans that compiling gives', () => {
  test.each([
    ['the default config', {}, {}],
    ['everything, with hooks', everything, {}],
    ['everything, in a cgroup by id', { ...everything, '/linux/cgroupsPath': undefined }, {}],
    ['more descriptors, a FIFO', {}, { descriptors: { ...descriptors, count: 5, fifo: 3, preserved: [{ slot: 4, number: 7 }] } }],
    ['without a keyring of its own', {}, { noNewKeyring: true, noPivot: true }],
    ['an ordinary user', {
      '/linux/namespaces': [{ type: 'user' }, { type: 'mount' }, { type: 'pid' }, { type: 'uts' }, { type: 'ipc' }],
      '/linux/uidMappings': [{ containerID: 0, hostID: 1000, size: 1 }],
      '/linux/gidMappings': [{ containerID: 0, hostID: 1001, size: 1 }], '/linux/cgroupsPath': '/mine',
      '/mounts': [{ destination: '/proc', type: 'proc', source: 'proc' }],
    }, { host: user }],
  ] as const)('%s', async (_, changes, surroundings) => {
    const compileFor = compiler(changes, surroundings as Surroundings)
    const template = await PlanTemplate.of(compileFor)
    expect(template.isSpliced).toBe(true)
    for (const id of ids) same(template, compileFor, id)
  })

  test('where the id is more than a part of texts, each plan is compiled', async () => {
    const escaped = (id: string): Plan => ({
      host: [() => [{ op: 'clone', field: '', flags: 0, cgroup: id.replaceAll('-', '\\x2d'), bare: 0 }]], init: [() => [{ op: 'setHostname', field: '', name: 'a' }]],
    })
    const counted = (id: string): Plan => ({ host: [], init: [() => [{ op: 'umask', field: '', mask: id.length }]] })
    for (const compileFor of [escaped, counted]) {
      const template = await PlanTemplate.of(compileFor)
      expect(template.isSpliced).toBe(false)
      for (const id of ids) same(template, compileFor, id)
    }
  })

  test('what cannot be compiled is refused when the template is made', async () => {
    await expect(PlanTemplate.of(() => { throw new Error('no') })).rejects.toThrow('no')
  })
})
