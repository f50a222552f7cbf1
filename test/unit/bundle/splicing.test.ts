/** Plans of templates of which a start changes something, against those of the changed config, compiled as a whole. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Blueprint, type PlanOptions } from '../../../lib/bundle/blueprint.ts'
import { cgroupPlanner } from '../../../lib/cgroup/driver.ts'
import type { CgroupHost } from '../../../lib/cgroup/host.ts'
import { layoutCgroup } from '../../../lib/cgroup/layout.ts'
import { NruncError } from '../../../lib/errors.ts'
import type { GivenDescriptors, HostFacts } from '../../../lib/plan/context.ts'
import { changedSpec, type Changes } from '../../../lib/spec/changes.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { allControllers, hostOf, hybrid, v1, v2 } from '../cgroup/samples.ts'
import { type Random, random } from '../plan/random.ts'
import { descriptors, everything, root, specOf, user } from '../plan/samples.ts'

const shared = vi.hoisted(() => ({ facts: undefined as HostFacts | undefined, cgroups: undefined as CgroupHost | undefined }))
vi.mock('../../../lib/bundle/facts.ts', async (original) => ({ ...await original<object>(), hostFacts: () => shared.facts }))
vi.mock('../../../lib/cgroup/detect.ts', () => ({ cgroupHost: () => shared.cgroups, cgroupFiles: () => () => undefined }))

const maps = [{ containerID: 0, hostID: 100000, size: 65536 }]
const mine = {
  '/linux/uidMappings': [{ containerID: 0, hostID: 1000, size: 1 }], '/linux/gidMappings': [{ containerID: 0, hostID: 1001, size: 1 }],
  '/mounts': [{ destination: '/proc', type: 'proc', source: 'proc' }],
}
const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: 'tmpfs', source: 'tmpfs', options })
const hookOutputs = { 'run.oci.hooks.stdout': '/var/log/out', 'run.oci.hooks.stderr': '/var/log/error' }

/** Everything that a part of a plan may look at, together with what a start changes. */
const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'the default': {},
  'everything, with hooks': everything,
  'everything, in the cgroup of the id': { ...everything, '/linux/cgroupsPath': undefined },
  'hooks that write to files': { ...everything, '/annotations': hookOutputs },
  'a read-only tmpfs that is filled later': { '/mounts': [tmpfs('/work', 'ro'), tmpfs('/copy', 'ro', 'tmpcopyup'), { ...tmpfs('/work', 'remount', 'size=1m') }] },
  'a /dev of its own, idmapped': {
    '/mounts': [
      { destination: '/proc', type: 'proc', source: 'proc' }, { destination: '/dev', source: '/srv/dev', options: ['rbind', 'ro'] },
      { destination: '/data', source: 'data', options: ['bind', 'idmap'], uidMappings: maps, gidMappings: maps },
    ],
  },
  'a user namespace and a cgroup that it owns': {
    '/linux/namespaces': ['user', 'mount', 'pid', 'cgroup', 'uts', 'network'].map((type) => ({ type })), '/linux/uidMappings': maps, '/linux/gidMappings': maps,
    '/mounts': [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }], '/linux/resources': { pids: { limit: 5 } },
  },
  'namespaces that are joined, a time namespace': {
    '/linux/namespaces': [{ type: 'mount' }, { type: 'uts', path: '/run/uts' }, { type: 'pid' }, { type: 'time' }, { type: 'network', path: '/run/net' }],
    '/linux/timeOffsets': { boottime: { secs: 5 } },
  },
  'a terminal, labels, limits': {
    '/process/terminal': true, '/process/consoleSize': { height: 5, width: 6 }, '/process/env': ['A=1', 'HOME='],
    '/process/rlimits': [{ type: 'RLIMIT_NOFILE', soft: 5, hard: 6 }], '/process/user': { uid: 5, gid: 6, additionalGids: [7] },
  },
  'no mount namespace': {
    '/linux/namespaces': [{ type: 'pid' }, { type: 'uts' }], '/mounts': undefined, '/root/readonly': undefined,
    '/linux/maskedPaths': undefined, '/linux/readonlyPaths': undefined, '/process/terminal': false,
  },
  'ids of an ordinary user': { ...mine, '/linux/namespaces': ['user', 'mount', 'pid', 'uts', 'ipc'].map((type) => ({ type })), '/linux/cgroupsPath': '/mine' },
  'no linux, no hostname': { '/linux': { namespaces: [{ type: 'mount' }, { type: 'uts' }] }, '/hostname': undefined, '/mounts': [] },
  'the groups of somebody who has none to give': { ...mine, '/linux/namespaces': [{ type: 'user' }, { type: 'mount' }], '/hostname': undefined, '/process/user': { uid: 0, gid: 0, additionalGids: [0] } },
  'a cgroup that only systemd could make': { '/linux/cgroupsPath': 'a:b:c' },
  'a filter': { '/linux/seccomp': { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_NOTIFY' }] } },
}

const choices: Required<{ [Name in keyof Changes]: readonly Changes[Name][] }> = {
  args: [['true'], ['sh', '-c', 'exit 3'], ['né']],
  env: [[], ['A=1', 'PATH=/other'], ['HOME=/home', 'A=2']],
  cwd: ['/', '/work', '/work/inside', '/proc/self'],
  hostname: ['web', 'x'.repeat(64), ''],
  terminal: [true, false],
  mounts: [
    [], [tmpfs('/data', 'size=1m'), tmpfs('/work/a')], [{ destination: '/dev', type: 'bind', source: '/dev', options: ['rbind'] }],
    [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] }], [{ destination: '/proc/1', source: '/a', options: ['bind'] }],
    [{ destination: '/d', source: '/srv', options: ['bind'], uidMappings: maps, gidMappings: maps }, tmpfs('/proc', 'remount', 'ro')],
    [{ destination: '/proc', type: 'proc', source: 'proc', options: ['remount', 'bind', 'ro'] }, { destination: '/e', source: '/srv', options: ['bind', 'size=1'] }],
  ],
  annotations: [{ b: '2' }, { 'run.oci.keep_original_groups': '1' }, { 'run.oci.hooks.stdout': '/var/log/other' }],
  cgroupsPath: ['/web/1', 'relative', 'a:b:c', ''],
}

const given: readonly GivenDescriptors[] = [
  descriptors,
  { ...descriptors, count: 5, fifo: 3, preserved: [{ slot: 4, number: 7 }] },
  { ...descriptors, count: 4, network: 3 },
  { ...descriptors, count: 4, pidfdSocket: 3, terminal: { rows: 3, columns: 4 } },
  { ...descriptors, terminal: { rows: 30, columns: 40, keepLineFeeds: true } },
]

const options: readonly PlanOptions[] = [{}, { noPivot: true, noNewKeyring: true }, { hooks: { createRuntime: () => {} } }]

const changesFrom = ({ below, pick }: Random): Changes =>
  Object.fromEntries(Object.entries(choices).flatMap(([name, values]) => (below(3) > 0 ? [] : [[name, pick<unknown>(values)]])))

/** What MAKE gives, or why it gives nothing. */
async function outcome(make: () => Promise<unknown>): Promise<unknown> {
  try {
    return await make()
  } catch (error) {
    if (!(error instanceof NruncError)) throw error
    const { code, message, field, problems } = error
    return { code, message, field, problems }
  }
}

const hosts: readonly (readonly [string, CgroupHost, HostFacts])[] = [
  ['v1', hostOf(v1), root], ['v2', hostOf(v2, allControllers), root], ['hybrid', hostOf(hybrid, ['hugetlb']), root],
  ['v1, an ordinary user', hostOf(v1), user], ['v2, an ordinary user', hostOf(v2, allControllers), user],
]

/** Where no change makes a plan of a config: limits and devices that the host has not, mounts that an ordinary user may not make. */
const refused = ({ mode }: CgroupHost, { uid }: HostFacts, name: string): boolean =>
  (name === 'a user namespace and a cgroup that it owns' && mode === 'v1') || (name === 'a /dev of its own, idmapped' && uid !== 0)

describe.each(hosts)('%s', (_, cgroups, facts) => {
  beforeEach(() => Object.assign(shared, { cgroups, facts }))
  const bundle = (spec: Spec) => ({ path: '/srv/web', spec })

  test.each(Object.entries(configs))('%s, changed, has the plan of the changed config', async (name, fields) => {
    const spec = specOf(fields)
    const planner = await cgroupPlanner('cgroupfs', facts.uid !== 0)
    const templates = [false, true].map((bareMounts) => new Blueprint(bundle(spec), { forMany: true, bareMounts }))
    let made = 0
    for (let seed = 0; seed < 16; seed++) {
      const from = random(seed)
      const [changes, slots, chosen, id] = [changesFrom(from), from.pick(given), from.pick(options), from.pick(['a', 'web', 'x'.repeat(255), '0_+-.A'])]
      const bareMounts = seed % 2 === 1
      const planOf = async (blueprint: Blueprint) => {
        const { layout, plan: { host, init } } = await blueprint.draft(id, slots, planner, chosen, '/nowhere/web')
        made++
        return { layout, host: Buffer.from(host).toString('latin1'), init: Buffer.from(init).toString('latin1') }
      }
      const whole = async () => planOf(new Blueprint(bundle(validateSpec(changedSpec(spec, changes))), { bareMounts }))
      expect(await outcome(async () => planOf(templates[Number(bareMounts)]!.with(changes))), JSON.stringify([seed, changes])).toEqual(await outcome(whole))
    }
    if (!refused(cgroups, facts, name)) expect(made).toBeGreaterThan(1)
  })

  test.each(Object.entries(configs))('%s, of a pool: the program is that of the changed config', async (_name, fields) => {
    const spec = specOf(fields)
    const pooled = new Blueprint(bundle(spec), { forMany: true, cgroupsParent: '/pool' })
    const layout = layoutCgroup(cgroups, { id: 'web', cgroupsPath: '/pool/web', rootless: facts.uid !== 0 })
    for (let seed = 0; seed < 8; seed++) {
      const from = random(seed)
      const { mounts: _mounts, annotations: _annotations, cgroupsPath: _path, ...changes } = changesFrom(from)
      const slots = from.pick(given)
      const programOf = async (blueprint: Blueprint) =>
        Buffer.from(await blueprint.program('web', slots, layout, changes.hostname !== undefined, '/nowhere/web')).toString('latin1')
      const fresh = async () => programOf(new Blueprint(bundle(validateSpec(changedSpec(spec, changes))), { forMany: true }))
      expect(await outcome(async () => programOf(pooled.with(changes))), JSON.stringify([seed, changes])).toEqual(await outcome(fresh))
    }
  })
})

test('what a start does not change is not compiled again', async () => {
  Object.assign(shared, { cgroups: hostOf(v1), facts: root })
  const planner = await cgroupPlanner('cgroupfs', false)
  const template = new Blueprint({ path: '/srv/web', spec: specOf(everything) }, { forMany: true })
  let compiled = 0
  const counting = { ...planner, layout: (...request: Parameters<typeof planner.layout>) => (compiled++, planner.layout(...request)) }
  const draft = async (changes: Changes) => (await template.with(changes).draft('web', descriptors, counting, {}, '/nowhere/web')).plan.init
  await draft({})
  const before = compiled
  for (const args of [['a'], ['b', 'c']]) await draft({ args, env: ['A=1'], cwd: '/tmp', hostname: 'h' })
  expect(compiled).toBe(before)
})
