import { expect, test } from 'vitest'
import { concerns, noting, once, watchedSpec } from '../../../lib/spec/looked.ts'
import { specOf } from '../plan/samples.ts'
import { minimal } from './helpers.ts'

const spec = watchedSpec(specOf({ '/linux/cgroupsPath': '/a' }))
const factsOf = (make: () => unknown): string[] => [...noting(make).facts].sort()

test('what is looked at is noted, and nothing else', () => {
  expect(factsOf(() => [spec.root.path, spec.process?.user, spec.linux?.namespaces, spec.hooks])).toEqual([])
  expect(factsOf(() => [spec.hostname, spec.process?.args])).toEqual(['args', 'hostname'])
  expect(factsOf(() => ({ ...spec.linux }))).toEqual(['cgroupsPath'])
  expect(factsOf(() => JSON.stringify(spec))).toEqual(['annotations', 'args', 'cgroupsPath', 'cwd', 'env', 'hostname', 'mounts', 'terminal'])
})

test('a field that is not there yet can be looked at too', () => {
  const least = watchedSpec(minimal() as never)
  expect(factsOf(() => [least.mounts, least.linux?.cgroupsPath, least.process?.terminal])).toEqual(['cgroupsPath', 'mounts', 'terminal'])
})

test('one that looks while another is made: both have', () => {
  expect(factsOf(() => {
    expect(factsOf(() => spec.hostname)).toEqual(['hostname'])
    return spec.mounts
  })).toEqual(['hostname', 'mounts'])
})

test('what is made once was looked at by all who get it', () => {
  let made = 0
  const shared = once(() => [spec.mounts, made++])
  const other = once(() => [shared(), spec.hostname])
  expect([factsOf(shared), factsOf(shared), factsOf(other), factsOf(other)])
    .toEqual([['mounts'], ['mounts'], ['hostname', 'mounts'], ['hostname', 'mounts']])
  expect(made).toBe(1)
})

test('what fails is asked again, and has looked', () => {
  let fails = true
  const shared = once(() => {
    if (spec.hostname !== undefined && fails) throw new Error('no')
    return 1
  })
  expect(factsOf(() => expect(shared).toThrow('no'))).toEqual(['hostname'])
  fails = false
  expect(factsOf(shared)).toEqual(['hostname'])
})

test('a change concerns what has looked at it', () => {
  expect(concerns(new Set(['args', 'cwd']), new Set(['cwd']))).toBe(true)
  expect(concerns(new Set(['args']), new Set(['cwd']))).toBe(false)
  expect(concerns(new Set(), new Set(['cwd']))).toBe(false)
})
