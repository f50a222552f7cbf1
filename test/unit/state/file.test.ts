import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeState } from '../../../lib/state/describe.ts'
import { notFound, processText, publishState, readState, stageState, stagingOf, type StateFile } from '../../../lib/state/file.ts'
import { openProcessRecord, processRecord } from '../../../lib/state/record.ts'
import { thrown } from '../spec/helpers.ts'
import { stateOf, temporaryDirectory } from './samples.ts'

const temporary = temporaryDirectory()
const newDirectory = (): string => mkdtempSync(join(temporary, 'web-'))

function write(directory: string, state: StateFile): void {
  stageState(directory, state)
  publishState(directory)
}

describe('writing', () => {
  test('what is staged does not count before it is published', () => {
    const directory = newDirectory()
    stageState(directory, stateOf())
    expect(thrown(() => readState(directory, 'web')).code).toBe('ERR_NOT_FOUND')
    publishState(directory)
    expect(readState(directory, 'web')).toEqual(stateOf())
  })

  test('a new state replaces the old one all at once, and nothing is left beside it', () => {
    const directory = newDirectory()
    write(directory, stateOf())
    const before = statSync(join(directory, 'state.json')).ino
    stageState(directory, stateOf({ init_process_pid: 1 }))
    expect(readState(directory, 'web').init_process_pid).toBe(4711)
    publishState(directory)
    expect(readState(directory, 'web').init_process_pid).toBe(1)
    expect(statSync(join(directory, 'state.json')).ino).not.toBe(before)
    expect(readdirSync(directory)).toEqual(['state.json'])
  })

  test('what the addon stages, with the process filled in, is what is written here', () => {
    const [directory, init] = [newDirectory(), { pid: 31, startTime: '77' }]
    const state = stateOf(processRecord(init))
    const staging = stagingOf(directory, stateOf(), openProcessRecord)
    if (staging.op !== 'stageState') throw new Error(staging.op)
    write(directory, state)
    expect(`${staging.path}`).toBe(join(directory, 'state.json.new'))
    expect(staging.head + staging.tail.replaceAll('\x01', '31').replaceAll('\x02', '77'))
      .toBe(readFileSync(join(directory, 'state.json'), 'utf8'))
    expect(staging.head).not.toMatch(/[\x01\x02]/)
    expect(readFileSync(join(directory, 'state.json'), 'utf8')).toContain(processText(state))
  })

  test('is for the owner alone: a config may hold secrets', () => {
    const directory = newDirectory()
    const before = process.umask(0)
    try {
      write(directory, stateOf())
    } finally {
      process.umask(before)
    }
    expect(statSync(join(directory, 'state.json')).mode & 0o777).toBe(0o600)
  })

  test('integers of 64 bits stay exact', () => {
    const directory = newDirectory()
    const { config } = stateOf()
    const rlimits = [{ type: 'RLIMIT_CORE', soft: 9007199254740993n, hard: 18446744073709551615n }]
    write(directory, stateOf({ config: { ...config, process: { ...config.process!, rlimits } } }))
    expect(readFileSync(join(directory, 'state.json'), 'utf8')).toContain('18446744073709551615')
    expect(readState(directory, 'web').config.process?.rlimits).toEqual(rlimits)
  })

  test('a directory that is gone', () => {
    const directory = join(temporary, 'nowhere')
    expect(thrown(() => stageState(directory, stateOf()))).toMatchObject({
      code: 'ERR_STATE_INVALID', errno: 'ENOENT', operand: join(directory, 'state.json.new'),
    })
    expect(thrown(() => publishState(directory))).toMatchObject({ code: 'ERR_STATE_INVALID', errno: 'ENOENT' })
    expect(existsSync(directory)).toBe(false)
  })

  test('the top-level keys are libcontainer\'s', () => {
    const directory = newDirectory()
    write(directory, stateOf())
    const written = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as object
    expect(Object.keys(written)).toEqual(expect.arrayContaining([
      'id', 'init_process_pid', 'init_process_start', 'created', 'config', 'rootless', 'cgroup_paths',
      'namespace_paths',
      'external_descriptors', 'intel_rdt_path',
    ]))
  })
})

describe('reading', () => {
  test('a container that does not exist: podman takes it as exited by these words', () => {
    expect(thrown(() => readState(join(temporary, 'nowhere'), 'web'))).toMatchObject({
      code: 'ERR_NOT_FOUND', operand: 'web', message: 'container "web" does not exist',
    })
    expect(notFound('a').message).toContain('does not exist')
  })

  test('a file where the directory should be', () => {
    const file = join(temporary, 'file')
    writeFileSync(file, '')
    expect(thrown(() => readState(file, 'web')).code).toBe('ERR_NOT_FOUND')
  })

  const good = JSON.parse(JSON.stringify(stateOf())) as Record<string, unknown>
  const without = (key: string, value?: unknown): [string, string] => [
    `${key}: ${JSON.stringify(value)}`, JSON.stringify({ ...good, [key]: value }),
  ]

  test.each([
    ['nothing', ''], ['half of it', JSON.stringify(good).slice(0, 80)], ['null', 'null'], ['a list', '[]'],
    ['a text', '"x"'], ['NUL bytes', '\0'.repeat(40)],
    without('id'), without('init_process_pid'), without('init_process_pid', '5'), without('init_process_start'),
    without('created', 5),
    without('config'), without('config', null), without('cgroup_paths'), without('cgroup_paths', null),
    without('bundle'), without('rootfs', null),
  ])('what is no state is damage, with its path: %s', (_, text) => {
    const directory = newDirectory()
    const path = join(directory, 'state.json')
    writeFileSync(path, text)
    expect(thrown(() => readState(directory, 'web'))).toMatchObject({
      code: 'ERR_STATE_INVALID', operand: path,
      message: expect.stringContaining(`${path} is not the state of a container`) as string,
    })
  })

  test('keys that a later version adds do no harm', () => {
    const directory = newDirectory()
    writeFileSync(join(directory, 'state.json'), JSON.stringify({ ...good, later: 1 }))
    expect(readState(directory, 'web')).toMatchObject({ id: 'web', later: 1 })
  })
})

describe('the state as it is printed', () => {
  test('has what clients read', () => {
    expect(describeState(temporary, stateOf(), 'running')).toEqual({
      ociVersion: '1.3.0', id: 'web', pid: 4711, status: 'running', bundle: '/srv/web', rootfs: '/srv/web/rootfs',
      created: '2026-01-02T03:04:05.000Z', owner: process.getuid!() === 0 ? 'root' : (expect.any(String) as string),
    })
  })

  test('pid 0 when it is stopped, and only then', () => {
    const pidOf = (status: Parameters<typeof describeState>[2]) => describeState(temporary, stateOf(), status).pid
    expect((['creating', 'created', 'running', 'paused', 'stopped'] as const).map(pidOf)).toEqual([
      4711, 4711, 4711, 4711, 0,
    ])
  })

  test('annotations where there are any', () => {
    const annotations = { a: 'b' }
    expect(describeState(temporary, stateOf({ config: { ...stateOf().config, annotations } }), 'created').annotations)
      .toEqual(annotations)
    expect('annotations' in describeState(temporary, stateOf(), 'created')).toBe(false)
  })

  test('a directory that is gone has no owner any more', () => {
    expect(describeState(join(temporary, 'nowhere'), stateOf(), 'stopped').owner).toBe('')
  })
})
