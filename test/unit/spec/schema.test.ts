import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { parseJson } from '../../../lib/spec/parse.ts'
import type { Integer64, Mount, NamespaceType, ProcessSpec, Spec } from '../../../lib/spec/schema.ts'
import { requireProcess, validateProcess, validateSpec } from '../../../lib/spec/validate.ts'
import { minimal, problemsOf, specWith, thrown } from './helpers.ts'

const sample = (name: string) =>
  parseJson(readFileSync(new URL(`../../fixtures/runtime-spec/${name}.json`, import.meta.url), 'utf8'))

describe('samples of the runtime specification', () => {
  test.each(['good-minimal', 'good-minimal-for-start', 'good-linux-rdma'])('%s', (name) => {
    expect(validateSpec(sample(name))).toMatchObject(sample(name) as object)
  })

  test('good-linux-netdevice, with the network namespace that it lacks', () => {
    const value = sample('good-linux-netdevice') as { linux: object }
    expect(problemsOf(value)).toEqual(['/linux/netDevices: unable to move network devices without a private NET namespace'])
    const whole = { ...value, linux: { ...value.linux, namespaces: [{ type: 'network' }] } }
    expect(validateSpec(whole)).toMatchObject(whole)
  })

  // The sample says version 0.5.0-dev, which is before the first stable one: all the rest of it must be accepted.
  test('good-spec-example', () => {
    const value = sample('good-spec-example') as object
    expect(problemsOf(value)).toEqual([
      '/ociVersion: unsupported version "0.5.0-dev", it must be a semantic version 1.x.y',
    ])
    const spec = validateSpec({ ...value, ociVersion: '1.0.0' })
    expect(spec).toMatchObject({ ...value, ociVersion: '1.0.0' })
    expect(spec.linux?.resources?.hugepageLimits?.[0]?.limit).toBe(9223372036854772000n)
  })

  test.each([
    ['bad-linux-hugepage', '/linux/resources/hugepageLimits/0/pageSize',
      'invalid page size "64kB", it must be as 64KB, 2MB or 1GB'],
    ['bad-linux-netdevice', '/linux/netDevices/eth0/name', 'must be a string, not a number'],
    ['bad-linux-rdma', '/linux/resources/rdma/mlx5_1/hcaHandles',
      'must be an integer from 0 to 4294967295, not a string'],
  ])('%s', (name, field, message) => {
    const error = thrown(() => validateSpec(sample(name)))
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', field, problems: [{ field, message }] })
    expect(error.message).toBe(`invalid config.json: ${field}: ${message}`)
  })
})

describe('the document', () => {
  test.each([
    [undefined, ': must be an object'],
    [null, ': must be an object, not null'],
    [[], ': must be an object, not an array'],
    ['{}', ': must be an object, not a string'],
  ])('%j is refused', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
    expect(thrown(() => validateSpec(value)).message).toBe(`invalid config.json${problem}`)
  })

  test('everything that is wrong is reported at once', () => {
    const error = thrown(() => validateSpec({ ociVersion: 1, root: { path: 2, readonly: 'yes' }, linux: [] }))
    expect(error.problems).toEqual([
      { field: '/ociVersion', message: 'must be a string, not a number' },
      { field: '/root/path', message: 'must be a string, not a number' },
      { field: '/root/readonly', message: 'must be a boolean, not a string' },
      { field: '/linux', message: 'must be an object, not an array' },
    ])
    expect(error.message).toBe('invalid config.json: /ociVersion: must be a string, not a number (and 3 more)')
    expect(error.field).toBe('/ociVersion')
  })

  test('fields that are not in the specification are kept', () => {
    const value = { ...minimal(), vendor: { x: [1] }, root: { path: 'r', extra: true } }
    expect(validateSpec(value)).toMatchObject({ vendor: { x: [1] }, root: { path: 'r', extra: true } })
  })

  test('null counts as absent for a field, as Go programs write it', () => {
    const value = {
      ...minimal(), hostname: null, mounts: null, hooks: { prestart: null }, annotations: null,
      linux: { resources: { memory: { limit: null } }, namespaces: null },
    }
    const before = structuredClone(value)
    const spec = validateSpec(value)
    expect(spec).toEqual({
      ...minimal(), process: { ...minimal().process, user: { uid: 0, gid: 0 } },
      hooks: {}, linux: { resources: { memory: {} } },
    })
    expect(value).toEqual(before)
  })

  test.each([
    [{ '/linux/sysctl': { 'net.a': null } }, '/linux/sysctl/net.a: must be a string, not null'],
    [{ '/annotations': { a: null } }, '/annotations/a: must be a string, not null'],
    [{ '/process/args': [null] }, '/process/args/0: must be a string, not null'],
    [{ '/root': null }, '/root: root must be specified'],
    [{ '/process/args': null }, '/process/args: args must not be empty'],
    [{ '/process/cwd': null }, '/process/cwd: cwd property must not be empty'],
  ])('null is refused elsewhere: %j', (changes, problem) => {
    expect(problemsOf(specWith(changes))).toEqual([problem])
  })

  test.each([
    ['/hostname', 'a\0b', '/hostname: contains null byte'],
    ['/process/env', ['A=1', 'B=\0'], '/process/env/1: contains null byte'],
    ['/process/args', ['sh\0'], '/process/args/0: contains null byte'],
    ['/mounts', [{ destination: '/a\0', source: '/' }], '/mounts/0/destination: contains null byte'],
    ['/linux/cgroupsPath', '/a\0', '/linux/cgroupsPath: contains null byte'],
    ['/linux/sysctl', { 'net.a\0': '1' }, '/linux/sysctl/net.a\0: name contains null byte'],
    ['/hooks', { poststop: [{ path: '/a', args: ['\0'] }] }, '/hooks/poststop/0/args/0: contains null byte'],
  ])('a NUL byte is refused in %s', (field, value, problem) => {
    expect(problemsOf(specWith({ [field]: value }))).toEqual([problem])
  })

  test('annotations may hold anything', () => {
    expect(problemsOf(specWith({ '/annotations': { 'a/b~c': 'x\0y' } }))).toEqual([])
  })

  test('a field that is no part of the specification may be a graph', () => {
    const value = { ...minimal(), vendor: {} as Record<string, unknown> }
    value.vendor['a'] = value.vendor['b'] = { up: value.vendor, nothing: null }
    expect(problemsOf(value)).toEqual([])
  })

  test('a document that is nested too deeply is refused', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as unknown
    expect(problemsOf({ ...minimal(), vendor: deep })).toEqual([`/vendor${'/a'.repeat(32)}: is nested too deeply`])
  })

  test('keys in pointers are escaped', () => {
    expect(problemsOf(specWith({ '/annotations': { 'a/b~c': 1 } }))).toEqual([
      '/annotations/a~1b~0c: must be a string, not a number',
    ])
  })

  test('an object is no list and no map', () => {
    expect(problemsOf(specWith({ '/mounts': {}, '/annotations': ['x'] }))).toEqual([
      '/mounts: must be an array, not an object', '/annotations: must be an object, not an array',
    ])
  })
})

describe('integers', () => {
  const rlimit = (hard: unknown) => specWith({ '/process/rlimits': [{ type: 'RLIMIT_NOFILE', soft: 0, hard }] })
  const at = '/process/rlimits/0/hard'

  test('18446744073709551615 arrives exactly', () => {
    const text = JSON.stringify(rlimit(77)).replace('77', '18446744073709551615')
    const [limit] = validateSpec(parseJson(text)).process?.rlimits ?? []
    expect(limit?.hard).toBe(18446744073709551615n)
  })

  test.each([
    [18446744073709551616n, 'must be an integer from 0 to 18446744073709551615, not 18446744073709551616'],
    [-1, 'must be an integer from 0 to 18446744073709551615, not -1'],
    [1.5, 'must be an integer from 0 to 18446744073709551615, not 1.5'],
    [Number.NaN, 'must be an integer from 0 to 18446744073709551615, not NaN'],
    ['1', 'must be an integer from 0 to 18446744073709551615, not a string'],
    [2 ** 64, '18446744073709552000 is not exact as a number, it must be a bigint'],
  ])('%s is refused for 64 bits', (value, message) => {
    expect(problemsOf(rlimit(value))).toEqual([`${at}: ${message}`])
  })

  test.each([
    ['/linux/resources/memory', { limit: -9223372036854775809n }, '/limit',
      'from -9223372036854775808 to 9223372036854775807, not -9223372036854775809'],
    ['/linux/resources/cpu', { shares: -1 }, '/shares', 'from 0 to 18446744073709551615, not -1'],
    ['/linux/resources/blockIO', { weight: 65536 }, '/weight', 'from 0 to 65535, not 65536'],
    ['/process/user', { uid: 4294967296, gid: 0 }, '/uid', 'from 0 to 4294967295, not 4294967296'],
    ['/process/user', { uid: 0, gid: 5n }, '/gid', 'from 0 to 4294967295, not 5'],
    ['/process/oomScoreAdj', 1001, '', 'from -1000 to 1000, not 1001'],
    ['/process/consoleSize', { height: 65536, width: 80 }, '/height', 'from 0 to 65535, not 65536'],
  ])('%s (%#) is out of range', (field, value, key, range) => {
    expect(problemsOf(specWith({ [field]: value }))).toEqual([`${field}${key}: must be an integer ${range}`])
  })

  test('the limits themselves are accepted', () => {
    const value = specWith({
      '/linux/resources/memory': { limit: -(1n << 63n), swap: (1n << 63n) - 1n, swappiness: (1n << 64n) - 1n },
      '/process/user': { uid: 0xfffffffe, gid: 0, additionalGids: [0] },
      '/process/oomScoreAdj': -1000,
    })
    expect(problemsOf(value)).toEqual([])
  })
})

describe('names', () => {
  test.each([
    ['/linux/namespaces', [{ type: 'foo' }], '/0/type', 'unknown namespace "foo"'],
    ['/linux/rootfsPropagation', 'pink', '', 'rootfsPropagation=pink is not supported'],
    ['/linux/devices', [{ type: 'a', path: '/dev/x' }], '/0/type', 'invalid device type "a"'],
    ['/linux/personality', { domain: 'BSD' }, '/domain', 'invalid personality domain BSD'],
    ['/linux/memoryPolicy', { mode: 'MPOL_X' }, '/mode', 'unknown memory policy mode "MPOL_X"'],
    ['/linux/intelRdt', { memBwSchema: 'L3:0=f' }, '/memBwSchema',
      'invalid memBwSchema "L3:0=f", it must begin with MB:'],
    ['/linux/seccomp', { defaultAction: 'x' }, '/defaultAction', 'unknown seccomp action "x"'],
    ['/linux/seccomp', { defaultAction: 'SCMP_ACT_LOG', architectures: ['PDP11'] }, '/architectures/0',
      'unknown seccomp architecture "PDP11"'],
    ['/process/scheduler', { policy: 'SCHED_X' }, '/policy', 'unknown scheduler policy "SCHED_X"'],
    ['/process/ioPriority', { class: 3 }, '/class', 'must be a string, not a number'],
    ['/process/rlimits', [{ type: 'RLIMIT_NOFILE', soft: 1 }], '/0/hard', 'is required'],
  ])('%s %j', (field, value, key, message) => {
    expect(problemsOf(specWith({ [field]: value }))).toEqual([`${field}${key}: ${message}`])
  })
})

describe('validateProcess', () => {
  test('the user is filled in', () => {
    expect(validateProcess({ args: ['sh'], cwd: '/', user: { uid: 5 } })).toEqual({
      args: ['sh'], cwd: '/', user: { uid: 5, gid: 0 },
    })
  })

  test('pointers are relative to the process', () => {
    const error = thrown(() => validateProcess({ args: [], cwd: 'tmp', terminal: null, env: ['=x'] }, 'process.json'))
    expect(error.problems).toEqual([
      { field: '/cwd', message: 'cwd must be an absolute path' },
      { field: '/args', message: 'args must not be empty' },
      { field: '/env/0', message: 'invalid environment variable: name cannot be empty' },
    ])
    expect(error.message).toBe('invalid process.json: /cwd: cwd must be an absolute path (and 2 more)')
    expect(thrown(() => validateProcess({ args: 'sh', cwd: '/' })).field).toBe('/args')
  })
})

test('requireProcess', () => {
  const spec = validateSpec(minimal())
  expect(requireProcess(spec).args).toEqual(['sh'])
  const error = thrown(() => requireProcess(validateSpec({ ...minimal(), process: undefined })))
  expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/process' })
  expect(error.message).toBe('invalid config.json: /process: process property must not be empty')
})

test('types', () => {
  expectTypeOf<Spec['process']>().toEqualTypeOf<ProcessSpec | undefined>()
  expectTypeOf<ProcessSpec['user']['uid']>().toEqualTypeOf<number>()
  expectTypeOf<ProcessSpec['env']>().toEqualTypeOf<string[] | undefined>()
  expectTypeOf<Mount['destination']>().toEqualTypeOf<string>()
  expectTypeOf<NonNullable<NonNullable<Spec['linux']>['sysctl']>>().toEqualTypeOf<Record<string, string>>()
  expectTypeOf<NonNullable<ProcessSpec['rlimits']>[number]['hard']>().toEqualTypeOf<Integer64>()
  expectTypeOf<NamespaceType>().toEqualTypeOf<
    'mount' | 'pid' | 'network' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time'
  >()
  expectTypeOf<{ ociVersion: string; root: { path: string }; hostname: undefined }>().toExtend<Spec>()
  // @ts-expect-error a misspelled field is no field of the type
  void ((spec: Spec) => spec.hostName)
})
