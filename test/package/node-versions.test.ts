/**
 * The one binary, in all versions of Node that are supported. `scripts/test-node-versions.mjs` runs all tests in them.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { execute, root, Scratch } from './project.ts'

const { installNode, versions } = await import(join(root, 'scripts/node-versions.mjs')) as {
  installNode(version: string): { readonly path?: string, readonly reason?: string, remove(): void }
  versions: readonly string[]
}

const built = existsSync(join(root, 'dist/index.js')) && existsSync(join(root, 'build/Release/nrunc.node'))
const isRoot = process.geteuid?.() === 0

const program = `
const { Runtime } = await import(process.argv[1] + '/dist/index.js')
const runtime = new Runtime({ root: process.argv[2] })
const result = await runtime.execute({ host: { args: ['sh', '-c', 'cat; exit 3'] }, input: 'in', reject: false })
{
  await using container = await runtime.run({ host: { args: ['sleep', '1000'] } })
  await container.writeFile('/tmp/a', 'file')
  const added = await container.execute({ args: ['cat', '/tmp/a'] })
  const late = await container.execute({ args: ['sleep', '1000'], timeout: 3000, gracePeriod: 0, reject: false })
  console.log(result.stdout, result.exitCode, added.stdout, late.code)
}
const { Worker } = await import('node:worker_threads')
const code = 'const { workerData: [path, root] } = require("node:worker_threads");' +
  'import(path).then(async ({ Runtime }) => console.log((await new Runtime({ root }).execute({ host: { args: ["echo", "worker"] } })).stdout))'
await new Promise((resolve, reject) => {
  new Worker(code, { eval: true, execArgv: [], workerData: [process.argv[1] + '/dist/index.js', process.argv[2]] }).on('error', reject).on('exit', resolve)
})
`

describe.skipIf(!built || !isRoot)('the same binary (needs a build, and root)', () => {
  let scratch: Scratch
  beforeAll(() => { scratch = new Scratch() })
  afterAll(() => scratch.remove())

  it.for(versions)('on Node %s', (version, { skip }) => {
    const node = installNode(version)
    try {
      if (node.path === undefined) return skip(node.reason)
      const name = execute([node.path, '--version'], root).stdout
      expect(name).toMatch(new RegExp(`^v${version}\\.`))
      // Node 20 and 22 have no `await using` yet.
      const source = Number(version) >= 24 ? program
        : program.replace('await using container', 'const container').replace('console.log(result', 'await container[Symbol.asyncDispose]()\n  console.log(result')
      const state = join(scratch.path, `state-${version}`)
      expect(execute([node.path, '--input-type=module', '-e', source, root, state], root))
        .toEqual({ code: 0, stdout: 'in 3 file ERR_TIMEOUT\nworker\n', stderr: '' })
      const words = [node.path, join(root, 'bin/nrunc.cjs'), '--root', state, 'list', '-q'] as [string, ...string[]]
      expect(execute(words, root)).toEqual({ code: 0, stdout: '', stderr: '' })
    } finally {
      node.remove()
    }
  })
})
