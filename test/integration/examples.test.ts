/**
 * The programs in examples/, as users start them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { project } from '../helpers/api-docs.ts'
import { runProgram } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
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

  test('latency: figures', async () => {
    const { code, stdout, stderr } = await run('latency.mjs', '8', '2')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^8 starts, 2 at a time: \d+ a second\nexecuted: median [\d.]+ ms.*\nended: median [\d.]+ ms/)
  })
})
