/** The config that a start of a template has, against the one written by hand. */
import { describe, expect, test } from 'vitest'
import { defaultSpec } from '../../../lib/index.ts'
import type { Spec } from '../../../lib/spec/schema.ts'
import { validateSpec } from '../../../lib/spec/validate.ts'
import { changedSpec, type Changes } from '../../../lib/bundle/variants.ts'
import { random } from '../plan/random.ts'

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

const choices: Required<{ [Name in keyof Changes]: readonly Changes[Name][] }> = {
  args: [['true'], ['sh', '-c', 'exit 3']],
  env: [[], ['A=1', 'PATH=/other'], ['TERM=dumb']],
  cwd: ['/', '/tmp'],
  hostname: ['web', 'x'.repeat(64)],
  terminal: [true, false],
  mounts: [[], [{ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] }]],
  annotations: [{ b: '2' }, { a: 'other' }],
  cgroupsPath: ['/web/1'],
}

describe('a change of a template', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('is the change of the config, seed %d', (seed) => {
    const from = random(seed)
    const changes = Object.fromEntries(Object.entries(choices).flatMap(([name, values]) =>
      from.below(2) === 0 ? [] : [[name, from.pick(values as readonly unknown[])]])) as Changes
    expect(validateSpec(changedSpec(base, changes))).toEqual(validateSpec(byHand(changes)))
    expect(base.process?.args).toEqual(['sh']) // and the template stays as it is
  })
})
