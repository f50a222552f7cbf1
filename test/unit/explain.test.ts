import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { main } from '../../lib/cli/main.ts'
import { explain, type ExplainedStep } from '../../lib/explain.ts'
import { defaultSpec, rootlessSpec } from '../../lib/spec/defaults.ts'
import type { Spec } from '../../lib/spec/schema.ts'
import { allControllers, hostOf, v1, v2 } from './cgroup/samples.ts'
import { root, user } from './plan/samples.ts'
import { specWith, thrown } from './spec/helpers.ts'

const onV1 = { host: root, cgroups: hostOf(v1) }
const steps = (changes: Readonly<Record<string, unknown>> = {}) =>
  explain(specWith(changes) as Spec, { id: 'web', bundle: '/srv/web', facts: onV1 })
const textsOf = (list: readonly ExplainedStep[]) => list.map(({ by, text }) => `${by} ${text}`)

describe('explain()', () => {
  test('is the plan, in the order of execution', () => {
    const list = steps()
    const order = ['makeCgroup', 'clone', 'joinCgroup', 'openRoot', 'mount', 'makeDevice', 'maskPath', 'pivotRoot', 'setUser', 'awaitStart', 'execute']
    expect(order.map((name) => list.findIndex(({ step }) => step === name)).every((at, index, all) => at > (all[index - 1] ?? -1))).toBe(true)
    expect(textsOf(list)).toEqual(expect.arrayContaining([
      'host clone flags=mount|uts|ipc|pid|network (/linux/namespaces)',
      'init set hostname "runc" (/hostname)',
      'init prepare rootfs "/srv/web/rootfs" bind=1 (/root/path)',
      'init mount "/proc" source="proc" type="proc" ordinaryDirectory=1 allowProc=1 (/mounts/0)',
      'init wait for start fifo=exec.fifo',
    ]))
    expect(list.at(-1)).toEqual({
      by: 'init', step: 'execute', field: '/process/args', text: expect.stringContaining('exec args=["sh"]'),
      arguments: { args: ['sh'], env: expect.any(Array), home: 1, uid: 0 },
    })
  })

  test('hooks that the host runs are where they run', () => {
    const hook = (path: string) => [{ path }]
    const list = steps({ '/hooks': {
      prestart: hook('/a'), createRuntime: hook('/b'), createContainer: hook('/c'), startContainer: hook('/d'), poststart: hook('/e'),
    } })
    const shown = list.filter(({ field }) => field.startsWith('/hooks')).map(({ by, step, text }) => `${by} ${step}: ${text}`)
    expect(shown).toEqual([
      'init awaitRuntimeHooks: wait for the runtime hooks (/hooks)',
      'host prestart: run hook "/a" (/hooks/prestart/0)', 'host createRuntime: run hook "/b" (/hooks/createRuntime/0)',
      expect.stringContaining('init hook: run hook "/c"'), expect.stringContaining('init hook: run hook "/d"'),
      'host poststart: run hook "/e" (/hooks/poststart/0)',
    ])
    expect(list.at(-2)?.step).toBe('execute')
  })

  test('for another user and another host than these', () => {
    const spec = rootlessSpec(defaultSpec(), 1000, 1001)
    const cgroups = hostOf(v2, allControllers)
    const texts = textsOf(explain(spec, { facts: { host: user, cgroups } }))
    expect(texts).toContainEqual(expect.stringMatching(/^host map the ids of the user namespace "0 1000 1\\n" gidMap="0 1001 1\\n" denySetgroups=1/))
  })

  test('with systemd init waits until it is in the scope; without a cgroup nothing is made', () => {
    const spec = specWith({ '/linux/cgroupsPath': 'a.slice:x:y', '/linux/resources': { pids: { limit: 5 } } }) as Spec
    const facts = { host: root, cgroups: hostOf(v2, allControllers) }
    const texts = textsOf(explain(spec, { facts, cgroupManager: 'systemd' }))
    const at = texts.indexOf('init wait for the cgroup (/linux/cgroupsPath)')
    expect(texts[at - 1]).toMatch(/^host clone/)
    expect(texts.slice(at + 1, at + 3)).toEqual([
      expect.stringMatching(/^host take over cgroup "\/sys\/fs\/cgroup\/a\.slice\/x-y\.scope"/),
      expect.stringMatching(/^host set .*pids\.max/),
    ])
    const asUser = explain(rootlessSpec(defaultSpec(), 1000, 1001), { facts: { ...facts, host: user }, cgroupManager: 'systemd' })
    expect(textsOf(asUser)).toContainEqual(expect.stringContaining('/user@1000.service/user.slice/nrunc-container.scope'))
    expect(explain(specWith({}) as Spec, { facts, cgroupManager: 'disabled' }).filter(({ step }) => /cgroup/i.test(step))).toEqual([])
    expect(thrown(() => explain(spec, { facts, cgroupManager: 'other' as never }))).toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })

  test('refuses what create refuses', () => {
    expect(thrown(() => steps({ '/process/cwd': 'x' }))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/process/cwd' })
    expect(thrown(() => steps({ '/process': undefined }))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field: '/process' })
    expect(thrown(() => explain(defaultSpec(), { bundel: '/' } as object))).toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })
})

describe('nrunc explain', () => {
  const run = async (words: readonly string[]) => {
    const bundle = mkdtempSync(join(tmpdir(), 'nrunc-explain-'))
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(specWith({ '/process/rlimits': [] })).replace(
      '"rlimits":[]', '"rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":18446744073709551615}]'))
    const output: string[] = []
    const fs = await import('../../lib/cli/output.ts')
    const print = vi.spyOn(fs, 'print')
    print.mockImplementation((text) => void output.push(text))
    try {
      const code = await main(['--log', join(bundle, 'log'), 'explain', '--bundle', bundle, ...words])
      expect(readdirSync(bundle).filter((name) => name !== 'log')).toEqual(['config.json'])
      return { code, text: output.join('') }
    } finally {
      print.mockRestore()
      rmSync(bundle, { recursive: true })
    }
  }

  test('numbered lines', async () => {
    const { code, text } = await run(['web'])
    expect(code).toBe(0)
    expect(text).toMatch(/^ *\d+ host clone flags=/m)
    expect(text).toMatch(/^ *\d+ init set rlimit "RLIMIT_CORE" resource=4 soft=1 hard=unlimited \(\/process\/rlimits\/0\)$/m)
    expect(text).toMatch(/^ *\d+ init join session keyring "_ses\.web"$/m)
  })

  test('JSON with exact integers', async () => {
    const { code, text } = await run(['--format', 'json'])
    expect(code).toBe(0)
    expect(text).toMatch(/"hard": 18446744073709551615\b/)
    expect((JSON.parse(text) as ExplainedStep[]).map(({ step }) => step)).toContain('execute')
  })

  test('another format', async () => {
    expect((await run(['--format', 'yaml'])).code).toBe(1)
  })
})
