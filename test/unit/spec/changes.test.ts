/** The config that a start of a template has, against the one written by hand and checked as a whole. */
import { describe, expect, test } from 'vitest'
import { defaultSpec } from '../../../lib/index.ts'
import { type Changes, changedSpec, changesOf } from '../../../lib/spec/changes.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { ValidSpec } from '../../../lib/spec/valid.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { random } from '../plan/random.ts'
import { specOf } from '../plan/samples.ts'
import { minimal, thrown } from './helpers.ts'

const base = validateSpec({ ...defaultSpec(), annotations: { a: '1' } })

/** The same change as somebody would make it in config.json. */
function byHand(changes: Changes): Spec {
  const spec = structuredClone(base) as Spec & { process: NonNullable<Spec['process']>; linux: NonNullable<Spec['linux']> }
  if (changes.args !== undefined) spec.process.args = [...changes.args]
  if (changes.env !== undefined) spec.process.env!.push(...changes.env)
  if (changes.cwd !== undefined) spec.process.cwd = changes.cwd
  if (changes.hostname !== undefined) spec.hostname = changes.hostname
  if (changes.terminal !== undefined) spec.process.terminal = changes.terminal
  if (changes.mounts !== undefined) spec.mounts!.push(...changes.mounts)
  if (changes.annotations !== undefined) Object.assign(spec.annotations!, changes.annotations)
  if (changes.cgroupsPath !== undefined) spec.linux.cgroupsPath = changes.cgroupsPath
  return spec
}

type Choices = Required<{ [Name in keyof Changes]: readonly unknown[] }>

const choices: Choices = {
  args: [['true'], ['sh', '-c', 'exit 3']],
  env: [[], ['A=1', 'PATH=/other'], ['TERM=dumb']],
  cwd: ['/', '/tmp'],
  hostname: ['web', 'x'.repeat(64)],
  terminal: [true, false],
  mounts: [[], [{ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] }]],
  annotations: [{ b: '2' }, { a: 'other' }],
  cgroupsPath: ['/web/1'],
}

/** What is no config, and what only some are. */
const wrong: Choices = {
  args: [[], 'true', [1], ['a\0b'], null, [null]],
  env: [['A'], ['=b'], ['A=\0'], 'A=1', [null]],
  cwd: ['relative', '', 7, '/a\0', null],
  hostname: ['x'.repeat(65), 5, 'a\0', null],
  terminal: ['yes', null, 1],
  mounts: [
    [{}], [null], [{ destination: '', type: 'bind', options: ['bind'] }], [{ destination: '/a\0', options: [5] }],
    [{ destination: '/a', source: '/b', options: ['bind', 'idmap'] }], [{ destination: '/a', type: 'tmpfs', options: ['uid=7'] }],
    [{ destination: '/a', source: '/b', options: ['bind'], uidMappings: [{ containerID: 0, hostID: 1, size: 0 }], gidMappings: null }],
    [{ destination: '/a', other: { deep: ['x\0'] } }],
  ],
  annotations: [{ '': 'x' }, { b: 5 }, { 'run.oci.hooks.stdout': 'relative' }, { c: null }],
  cgroupsPath: ['/a/../b', 5, null, 'a\0'],
}

/** Some of them, others as they are. */
function changesFrom(seed: number, from: readonly Choices[]): Changes {
  const { below, pick } = random(seed)
  return Object.fromEntries(Object.keys(choices).flatMap((name) =>
    (below(2) === 0 ? [] : [[name, pick(pick(from)[name as keyof Changes])]]))) as Changes
}

describe('a change of a template', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('is the change of the config, seed %d', (seed) => {
    const changes = changesFrom(seed, [choices])
    expect(validateSpec(changedSpec(base, changes))).toEqual(validateSpec(byHand(changes)))
    expect(base.process?.args).toEqual(['sh']) // and the template stays as it is
  })

  test('undefined is none', () => {
    expect(changesOf({ args: undefined, cwd: '/', terminal: false })).toEqual(new Set(['cwd', 'terminal']))
  })
})

const maps = [{ containerID: 0, hostID: 100000, size: 10 }]
const configs: Readonly<Record<string, Spec>> = {
  'the default': base,
  'a small one': validateSpec(minimal()),
  'one with a user namespace': specOf({
    '/linux/namespaces': [{ type: 'user' }, { type: 'mount' }], '/linux/uidMappings': maps, '/linux/gidMappings': maps, '/hostname': undefined,
  }),
  'one with more in it': specOf({ '/process/env': ['A=1'], '/annotations': { a: 'b', 'x\0': 'y' }, '/unknown': { of: ['a'] }, '/linux/cgroupsPath': '/a' }),
}

/** What CHECK gives, or what is wrong. */
const outcome = (check: () => Spec): unknown => {
  try {
    return check()
  } catch {
    const { code, message, field, problems } = thrown(check)
    return { code, message, field, problems }
  }
}

describe.each(Object.entries(configs))('what is the same in %s is not checked again', (_, spec) => {
  const valid = new ValidSpec(spec)

  test('the outcome is that of the whole', () => {
    for (let seed = 0; seed < 200; seed++) {
      const changes = changesFrom(seed, seed % 3 === 0 ? [choices] : [choices, wrong])
      expect(outcome(() => valid.with(changes)), `seed ${seed}`).toEqual(outcome(() => validateSpec(changedSpec(spec, changes))))
    }
  })

  test('what is given is copied, and what is shared stays', () => {
    const args = ['a']
    const mounts = [{ destination: '/a', type: 'tmpfs' }]
    const before = structuredClone(spec)
    const changed = valid.with({ args, mounts })
    args.push('b')
    mounts[0]!.destination = '/b'
    expect([changed.process!.args, changed.mounts!.at(-1)]).toEqual([['a'], { destination: '/a', type: 'tmpfs' }])
    expect(changed.root).toBe(spec.root)
    expect(spec).toEqual(before)
  })
})
