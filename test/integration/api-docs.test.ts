/**
 * The examples of docs/api.md print what they say.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { blocksOf, runnable } from '../helpers/api-docs.ts'
import { runProgram } from '../helpers/cli.ts'
import { useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli'], 'docs/api.md', () => {
  const sandbox = useSandbox()
  const blocks = blocksOf('docs/api.md')

  test('has examples', () => expect(blocks.length).toBeGreaterThan(12))

  test.each(blocks.map((block) => [block.name, block] as const))('%s', async (_, { code, prints }) => {
    const source = await runnable(code, join(sandbox.directory, 'state'))
    const result = await leavesNothing(sandbox, () => runProgram([process.execPath, '--input-type=module', '-e', source]))
    expect(result).toEqual({ code: 0, stdout: prints, stderr: '' })
    expect(prints).not.toBe('')
  })
})
