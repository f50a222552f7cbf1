/**
 * The command line killed at each of its system calls in turn: whatever is left goes with `delete --force`.
 * NRUNC_TEST_FAULTS=all tries every one of them; otherwise a few of each kind.
 */
import { appendFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useSandbox } from '../helpers/containers.ts'
import { inject } from '../helpers/inject.ts'
import { nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const all = process.env['NRUNC_TEST_FAULTS'] === 'all'
const patience = all ? 1_200_000 : 240_000

/** All that the host part makes on disk, in cgroups and as processes. */
const steps = ['mkdir', 'mknodat', 'flock', 'openat', 'write', 'rename', 'socketpair', 'mkdirat', 'sendmsg', 'sendto', 'unlink', 'unlinkat', 'rmdir', 'epoll_ctl', 'clone3']

/** Which calls of each are tried: the first are those of Node itself, which nobody can be told of. */
const times = (syscall: string): number[] => {
  const own = { openat: 26, write: 1, fcntl: 20, clone3: 5 }[syscall] ?? 1
  return all ? Array.from({ length: 400 }, (_, index) => index + 1) : [own, own + 1, own + 3, own + 8]
}

describeWith([...container, 'cli', 'faults'], 'faults', () => {
  const sandbox = useSandbox()
  const root = ['--root', sandbox.root]

  const hook = { path: '/bin/sh', args: ['sh', '-c', 'cat > /dev/null'] }
  const commands: Record<string, (id: string, bundle: string) => Promise<string[]>> = {
    create: async (id, bundle) => ['create', '-b', bundle, id],
    'run -d': async (id, bundle) => ['run', '-d', '-b', bundle, id],
    start: async (id, bundle) => {
      expect(await sandbox.nrunc(['create', '-b', bundle, id])).toMatchObject({ code: 0 })
      return ['start', id]
    },
    exec: async (id, bundle) => {
      expect(await sandbox.nrunc(['run', '-d', '-b', bundle, id])).toMatchObject({ code: 0 })
      return ['exec', '-d', id, 'sleep', '1000']
    },
    delete: async (id, bundle) => {
      expect(await sandbox.nrunc(['create', '-b', bundle, id])).toMatchObject({ code: 0 })
      return ['delete', id]
    },
  }

  const log = (text: string): void => { if (process.env['NRUNC_TEST_FAULTS_LOG']) appendFileSync(process.env['NRUNC_TEST_FAULTS_LOG'], `${text}\n`) }

  /** Each occasion in turn, until there are no more. */
  const campaign = async (name: string, syscall: string, fault: string): Promise<number> => {
    let hits = 0
    for (const when of times(syscall)) {
      const before = snapshot(sandbox)
      const { id, bundle } = sandbox.bundle(['sleep', '1000'], (spec) => {
        spec.hooks = { createRuntime: [hook], createContainer: [hook], startContainer: [hook], poststart: [hook], poststop: [hook] }
      })
      const words = await commands[name]!(id, bundle)
      const result = await inject([...root, ...words], syscall, fault, when)
      hits += Number(result.hit)
      const label = `${name}: ${syscall} ${fault} number ${when}: ${result.code} ${result.stderr}\n${result.trace.split('\n').filter((line) => /INJECTED/.test(line)).join('\n')}`
      log(label)
      // No stack, no exception without a type.
      expect(result.stderr, label).not.toMatch(/^ +at .*(dist\/|node:internal)/m)
      const made = name === 'create' || name === 'run -d'
      if (made && typeof result.code === 'number' && result.code !== 0) {
        await nothingLeft(sandbox, before).catch((error: unknown) => { throw new Error(label, { cause: error }) })
      }
      if (readdirSync(sandbox.root).includes(id)) {
        const removed = await sandbox.nrunc(['delete', '--force', id])
        expect(removed, label).toMatchObject({ code: 0 })
      }
      await nothingLeft(sandbox, before).catch((error: unknown) => { throw new Error(label, { cause: error }) })
      if (!result.hit) break
    }
    return hits
  }

  test.each(Object.keys(commands))('%s is killed at each step', async (name) => {
    let hits = 0
    for (const syscall of steps) hits += await campaign(name, syscall, 'signal=SIGKILL')
    expect(hits).toBeGreaterThan(10)
  }, patience)
})
