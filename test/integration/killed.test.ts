/**
 * Init and hooks that are killed, or kill. The command line itself: faults.test.ts.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Hook } from '../../lib/spec/schema.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { isRunning, until } from '../helpers/host.ts'
import { inject, initSurvey } from '../helpers/inject.ts'
import { leavesNothing, nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const all = process.env['NRUNC_TEST_FAULTS'] === 'all'

const shell = (script: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', script] })
/** Its standard input is the state. */
const killInit = shell('kill -9 $(sed \'s/.*"pid":\\([0-9]*\\).*/\\1/\')')
/** In the container's namespaces, where there is no state of the host: init is its parent. */
const killParent = shell('kill -9 $PPID')

const withoutPidNamespace = ({ linux }: TestSpec): void => {
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
}

describeWith([...container, 'cli'], 'hooks', () => {
  const sandbox = useSandbox()
  beforeAll(async () => { await sandbox.output(['true']) }) // what the library opens once

  test.each(['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart'] as const)('%s is killed: an error, and nothing stays', async (kind) => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.run(['sleep', '1000'], (spec) => {
      spec.hooks = { [kind]: [shell('kill -9 $$')] }
    })))
    expect([error.code, error.field]).toEqual(['ERR_HOOK', `/hooks/${kind}/0`])
    expect(error.message).toMatch(/killed by a signal|signal: SIGKILL/)
  })

  test('poststop is killed: the container is gone all the same', async () => {
    await leavesNothing(sandbox, async () => {
      const made = await sandbox.run(['sleep', '1000'], (spec) => { spec.hooks = { poststop: [shell('kill -9 $$')] } })
      await made.delete({ force: true })
    })
  })

  test.each(['prestart', 'createRuntime'] as const)('%s kills init: an error, and nothing stays', async (kind) => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.run(['sleep', '1000'], (spec) => { spec.hooks = { [kind]: [killInit] } })))
    expect([error.code, error.message]).toEqual(['ERR_INIT', 'container init ended early: SIGKILL'])
  })

  test('createContainer kills init: an error, and nothing stays', async () => {
    const error = await leavesNothing(sandbox, () => rejection(sandbox.run(['sleep', '1000'], (spec) => {
      withoutPidNamespace(spec)
      spec.hooks = { createContainer: [killParent] }
    })))
    expect([error.code, error.message]).toEqual(['ERR_INIT', 'container init ended early: SIGKILL'])
  })

  // The container is there by then: it has been started, and has ended.
  test.each([['startContainer', killParent], ['poststart', killInit]] as const)('%s kills init: a container that has stopped', async (kind, hook) => {
    const made = await sandbox.run(['sleep', '1000'], (spec) => {
      withoutPidNamespace(spec)
      spec.hooks = { [kind]: [hook] }
    })
    expect(await made.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
    await made.delete()
  })

  test.each(['prestart', 'createRuntime', 'poststart'] as const)('%s kills the command line: the rest goes with delete --force', async (kind) => {
    const before = snapshot(sandbox)
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => { spec.hooks = { [kind]: [killParent] } })
    expect((await sandbox.nrunc(['run', '-b', bundle, id])).code).toBe('SIGKILL')
    expect(existsSync(join(sandbox.root, id))).toBe(true)
    expect(await sandbox.nrunc(['delete', '--force', id])).toMatchObject({ code: 0 })
    await nothingLeft(sandbox, before)
  })

  test('poststop kills the command line: nothing is left', async () => {
    const before = snapshot(sandbox)
    const { id, bundle } = sandbox.bundle(['true'], (spec) => { spec.hooks = { poststop: [killParent] } })
    expect((await sandbox.nrunc(['run', '-b', bundle, id])).code).toBe('SIGKILL')
    await nothingLeft(sandbox, before)
  })

  test.each(['createContainer', 'startContainer'] as const)('%s kills the command line: the rest goes with delete --force', async (kind) => {
    const before = snapshot(sandbox)
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => {
      withoutPidNamespace(spec)
      spec.hooks = { [kind]: [shell('kill -9 $(cut -d" " -f4 /proc/$PPID/stat)')] }
    })
    expect((await sandbox.nrunc(['run', '-b', bundle, id])).code).toBe('SIGKILL')
    if (existsSync(join(sandbox.root, id))) expect(await sandbox.nrunc(['delete', '--force', id])).toMatchObject({ code: 0 })
    await nothingLeft(sandbox, before)
  })

  test('createRuntime kills the parent of the command line: that goes on', async () => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => {
      spec.hooks = { createRuntime: [shell('kill -9 $(cut -d" " -f4 /proc/$PPID/stat)')] }
    })
    const { code } = await sandbox.nrunc(['run', '-d', '-b', bundle, id], { through: ['sh', '-c', '"$@"; true', 'sh'] })
    expect(code).toBe('SIGKILL')
    await until(async () => (await sandbox.runtime.list()).some((one) => one.id === id))
    const made = sandbox.keep(await sandbox.runtime.load(id))
    await until(async () => (await made.state()).status === 'running')
  })

  test('what a hook has started does not outlive a start that fails', async () => {
    const file = join(sandbox.directory, 'daemon')
    const error = await leavesNothing(sandbox, () => rejection(sandbox.create(['true'], (spec) => {
      withoutPidNamespace(spec)
      spec.hooks = { createContainer: [shell(`sleep 1000 > /dev/null 2>&1 & echo $! > ${file}`), shell('exit 1')] }
    })))
    expect([error.code, error.field]).toEqual(['ERR_HOOK', '/hooks/createContainer/1'])
    expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false)
  })
})

describeWith([...container, 'cli', 'faults'], 'init', () => {
  const sandbox = useSandbox()
  const root = ['--root', sandbox.root]
  const good = async (...words: string[]): Promise<void> => { expect(await sandbox.nrunc(words)).toMatchObject({ code: 0 }) }

  const commands = {
    create: async (id: string, bundle: string) => ['create', '-b', bundle, id],
    run: async (id: string, bundle: string) => ['run', '-d', '-b', bundle, id],
    exec: async (id: string, bundle: string) => {
      await good('run', '-d', '-b', bundle, id)
      return ['exec', '-d', id, 'sleep', '1000']
    },
  }
  const prepare = async (name: keyof typeof commands) => {
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    return { id, words: await commands[name](id, bundle) }
  }
  const remove = async (id: string): Promise<void> => {
    if (existsSync(join(sandbox.root, id))) await good('delete', '--force', id)
  }

  // At each call that init makes and Node does not, from the first (close_range) to execve.
  test.each(['create', 'run', 'exec'] as const)('is killed at each of its steps: %s', async (name) => {
    const first = await prepare(name)
    const steps = await initSurvey([...root, ...first.words])
    await remove(first.id)
    const faults = steps.flatMap(([syscall, count]) => Array.from({ length: count }, (_, index) => ({ syscall, when: index + 1 })))
    const stride = all ? 1 : Math.ceil(faults.length / 12)
    let hits = 0
    for (const [at, { syscall, when }] of faults.entries()) {
      if (at % stride !== 0) continue
      const before = snapshot(sandbox)
      const { id, words } = await prepare(name)
      const result = await inject([...root, '--debug', ...words], syscall, 'signal=SIGKILL', when, { init: true })
      const label = `${syscall} number ${when}: ${result.code} ${result.stderr}`
      hits += result.hits.length
      if (result.hits.length > 0) {
        expect.soft(result.code, label).toBe(name === 'exec' ? 255 : 1)
        // The first when it dies before the plan is there.
        expect.soft(result.stderr, label).toMatch(/send(to|msg): broken pipe|container init ended early: SIGKILL/)
      }
      if (name === 'exec' || result.code === 0) await remove(id)
      expect.soft(await nothingLeft(sandbox, before).then(() => '', String), label).toBe('')
    }
    expect(hits).toBeGreaterThan(5)
  }, all ? 3_600_000 : 600_000)

  test('is killed while it waits for start', async () => {
    const made = await sandbox.create(['true'])
    process.kill(made.pid, 'SIGKILL')
    await until(async () => (await made.state()).status === 'stopped')
    const error = await rejection(made.start())
    expect([error.code, error.message]).toEqual(['ERR_STATUS', 'cannot start a container that has stopped'])
    await made.delete()
  })
})
