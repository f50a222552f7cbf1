/**
 * A bad config.json, through the library and through the command line: a clear error that names field or path, and
 * nothing left.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { leavesNothing, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { badSpecs } from './bad-specs.ts'

describeWith([...container, 'cli'], 'bad input', () => {
  const sandbox = useSandbox()
  // What is loaded, opened and started on first use is there from now on.
  beforeAll(async () => { await sandbox.output(['true']) })

  test('the check for leftovers sees what a container is made of', async () => {
    const before = snapshot(sandbox)
    await sandbox.create(['true'])
    const after = snapshot(sandbox)
    for (const kind of ['processes', 'cgroups', 'descriptors', 'state'] as const) {
      expect(after[kind].length, kind).toBeGreaterThan(before[kind].length)
    }
  })

  describe.each(badSpecs.map((one) => [one.name, one] as const))(
    '%s',
    (_name, { code, message, field, errno, change, text, absent }) => {
      const write = () => {
        const made = sandbox.bundle(['true'], change)
        const config = join(made.bundle, 'config.json')
        if (absent) rmSync(config)
        if (text !== undefined) writeFileSync(config, text)
        return { ...made, message: message.replace('BUNDLE', made.bundle) }
      }

      test.each(['create', 'run'] as const)('%s() rejects, and leaves nothing', async (how) => {
        const { id, bundle, message: words } = write()
        const error = await leavesNothing(sandbox, () =>
          rejection(sandbox.runtime[how]({ id, bundle, stdin: 'ignore' })),
        )
        expect(error).toMatchObject({ code, field, ...(errno === undefined ? {} : { errno }) })
        expect(error.message).toContain(words)
        expect(error.message).not.toMatch(/\.$/)
      })

      test.each([['create'], ['run', '-d'], ['run']])('nrunc %s ends with 1, and leaves nothing', async (...words) => {
        const { id, bundle, message: expected } = write()
        const log = join(bundle, 'log.json')
        const global = ['--log', log, '--log-format', 'json']
        const result = await leavesNothing(sandbox, () =>
          sandbox.nrunc([...global, ...words.filter(Boolean), '-b', bundle, id], { cwd: bundle }),
        )
        expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 1, stdout: '' })
        expect(result.stderr).toContain(expected)
        const lines = readFileSync(log, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, string>)
        expect(lines).toEqual([
          {
            level: 'error',
            msg: expect.stringContaining(expected),
            time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
        ])
      })
    },
  )

  test('a root file system that its user may not enter', async () => {
    const rootfs = sandbox.rootfs()
    chmodSync(rootfs, 0o700)
    const error = await leavesNothing(sandbox, () => rejection(sandbox.create(['/bin/true'], (spec) => {
      spec.root.path = rootfs
      spec.process.user.uid = 1000
    }, { id: sandbox.id() })))
    expect([error.code, error.errno, error.field?.startsWith('/process/')]).toEqual([
      expect.stringMatching(/ERR_PROGRAM|ERR_INIT/),
      'EACCES',
      true,
    ])
  })

  test('everything that is wrong is told, the first in the message', async () => {
    const error = await rejection(sandbox.create(['true'], (spec) => {
      spec.process.cwd = 'here'
      spec.linux.namespaces.push({ type: 'pid' })
    }))
    expect(error.problems.map(({ field }) => field)).toEqual(['/process/cwd', '/linux/namespaces/5/type'])
    expect(error.message).toMatch(/\/process\/cwd.*and 1 more/)
  })
})
