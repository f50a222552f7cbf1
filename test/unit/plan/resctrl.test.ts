import { expect, test } from 'vitest'
import { compile } from '../../../lib/plan/compile.ts'
import { compileExec } from '../../../lib/plan/exec.ts'
import type { ResctrlGroup } from '../../../lib/resctrl/group.ts'
import { requireProcess } from '../../../lib/spec/validate.ts'
import { all, contextOf, descriptors, listed, only, root, specOf } from './samples.ts'

const resctrl: ResctrlGroup = {
  path: '/r/gold', monitor: '/r/gold/mon_groups/web', schemata: 'L3:0=f\n', field: '/linux/intelRdt/schemata', status: '/r/s', own: [],
}

test('the group is made and opened by the host, and entered by init after the cgroups', () => {
  const spec = specOf({ '/linux/namespaces': [{ type: 'mount' }, { type: 'uts' }, { type: 'network', path: '/run/n' }] })
  const { host, init } = listed(compile(spec, requireProcess(spec), { ...contextOf(spec), resctrl }))
  expect(all(host, 'prepareResctrl')).toEqual([
    { op: 'prepareResctrl', field: '/linux/intelRdt/schemata', path: '/r/gold', schemata: 'L3:0=f\n', status: '/r/s' },
    { op: 'prepareResctrl', field: '/linux/intelRdt/enableMonitoring', path: '/r/gold/mon_groups/web', schemata: '', status: '/r/s' },
  ])
  const opened = all(host, 'openDescriptor').map(({ path }) => path)
  const joined = all(init, 'joinCgroup').slice(-2)
  expect(joined.map(({ path }) => path)).toEqual(['/r/gold/tasks', '/r/gold/mon_groups/web/tasks'])
  expect(joined.map(({ descriptor }) => opened[descriptor - descriptors.count])).toEqual(joined.map(({ path }) => path))
  expect(opened[only(init, 'enterNamespace').descriptor - descriptors.count]).toBe('/run/n')
})

test('exec enters it too', () => {
  const spec = specOf()
  const { host, init } = listed(compileExec(requireProcess(spec), {
    id: 'web', host: root, cgroupPaths: { cpu: '/c/cpu' }, namespaces: [{ type: 'uts', path: '/proc/9/ns/uts' }], resctrl: ['/r/gold'],
    groupsDenied: false, noNewKeyring: false, descriptors,
  }))
  const opened = all(host, 'openDescriptor').map(({ path }) => path)
  const joined = all(init, 'joinCgroup')
  expect(joined.map(({ path }) => path)).toEqual(['/c/cpu/tasks', '/r/gold/tasks'])
  expect(joined.map(({ descriptor }) => opened[descriptor - descriptors.count])).toEqual(['/c/cpu/tasks', '/r/gold/tasks'])
})
