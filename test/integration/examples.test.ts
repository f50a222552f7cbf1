/**
 * The programs in examples/, as users start them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { project } from '../helpers/api-docs.ts'
import { runProgram, userEnvironment } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { childrenOf, commandLineOf, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli'], 'the example', () => {
  const sandbox = useSandbox()
  const run = (name: string, ...args: string[]) => leavesNothing(sandbox, () =>
    runProgram([process.execPath, join(project, 'examples', name), ...args], { env: { NRUNC_ROOT: join(sandbox.directory, 'state') } }))

  test('code-runner: what the code wrote', async () => {
    expect(await run('code-runner.mjs', 'echo "hello from $(id -u)"; grep CapEff /proc/self/status; ls /sys/class/net'))
      .toEqual({ code: 0, stdout: 'hello from 65534\nCapEff:\t0000000000000000\nlo\n', stderr: '' })
  })

  test.each([
    ['too much time', 'sleep 1000', 'the program timed out after 2000 ms'],
    ['too much output', 'yes', 'the program wrote more than maxBuffer allows'],
    ['too much memory', 'tail /dev/zero', /^the program (was ended by SIGKILL|exited with code 137)$/],
    ['a failure', 'exit 3', 'the program exited with code 3'],
  ])('code-runner: %s', async (_, script, message) => {
    const { code, stderr } = await run('code-runner.mjs', script)
    expect(code).toBe(1)
    expect(stderr.trim().split('\n').at(-1)).toMatch(message)
  })

  test('ci-steps: lines as they come, and the artifacts', async () => {
    const [sources, artifacts] = [join(sandbox.directory, 'sources'), join(sandbox.directory, 'artifacts')]
    mkdirSync(sources)
    writeFileSync(join(sources, 'a.txt'), 'text\n')
    expect(await run('ci-steps.mjs', sources, artifacts, 'cat a.txt; mkdir out', 'tr a-z A-Z < a.txt > out/b.txt; echo done')).toEqual({
      code: 0, stdout: '[1/2] text\n[2/2] done\n', stderr: '',
    })
    expect(readFileSync(join(artifacts, 'b.txt'), 'utf8')).toBe('TEXT\n')
  })

  test('ci-steps: a step that fails is the last one', async () => {
    const { code, stdout } = await run('ci-steps.mjs', project + '/docs', '/nonexistent/never', 'echo one; exit 6', 'echo two')
    expect([code, stdout]).toEqual([6, '[1/2] one\n[1/2] failed: the program exited with code 6\n'])
  })

  test('desktop-tool: lines, a failure with its hint, a stop', async () => {
    const { code, stdout, stderr } = await run('desktop-tool.mjs')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n')).toEqual([
      'short: hello', 'short has ended: {"exitCode":0}',
      expect.stringMatching(/^wrong has ended: \{"exitCode":null,"error":"exec: \\"no-such-tool\\": executable file not found in \$PATH"/),
      'endless: on', expect.stringMatching(/^endless has ended: \{"exitCode":null,"error":"the program was aborted"/), '',
    ])
  })

  test('pool-server: answers, a failure, a client that goes away, and an end that leaves nothing', () => leavesNothing(sandbox, async () => {
    const child = spawn(process.execPath, [join(project, 'examples/pool-server.mjs'), '0'], {
      env: { ...userEnvironment(), NRUNC_ROOT: join(sandbox.directory, 'state'), TMPDIR: sandbox.directory }, stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    const [line] = await Promise.race([once(child.stdout, 'data'), ended.then(([code]) => { throw new Error(`it ended with ${code}`) })])
    const post = async (body: string, signal?: AbortSignal): Promise<[number, string]> => {
      const response = await fetch(String(line).trim(), { method: 'POST', body, ...(signal === undefined ? {} : { signal }) })
      return [response.status, await response.text()]
    }
    const asleep = (): number[] => childrenOf(child.pid!).flatMap(childrenOf).filter((pid) => commandLineOf(pid).includes('sleep\0'))
    try {
      const bodies = [1, 2, 3, 4, 5, 6].map((number) => `echo $((${number} * ${number}))`)
      expect(await Promise.all(bodies.map((body) => post(body)))).toEqual([1, 4, 9, 16, 25, 36].map((square) => [200, `${square}\n`]))
      expect(await post('echo so far; exit 3')).toEqual([422, 'so far\nthe program exited with code 3\n'])
      const away = new AbortController()
      const left = post('sleep 1000', away.signal).catch((error: Error) => error.name)
      await until(() => asleep().length === 1)
      away.abort()
      expect(await left).toBe('AbortError')
      await until(() => asleep().length === 0)
      const last = post('sleep 1000; echo last')
      await until(() => asleep().length === 1)
      child.kill('SIGTERM')
      process.kill(asleep()[0]!, 'SIGTERM')
      expect(await last).toEqual([200, 'last\n'])
      expect(await ended).toEqual([0, null])
      expect(readdirSync(sandbox.directory).filter((name) => name.startsWith('pool-server-'))).toEqual([])
    } finally {
      child.kill('SIGKILL')
    }
  }))

  test('latency: figures', async () => {
    const { code, stdout, stderr } = await run('latency.mjs', '8', '2')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^8 starts, 2 at a time: \d+ a second\nexecuted: median [\d.]+ ms.*\nended: median [\d.]+ ms/)
  })
})
