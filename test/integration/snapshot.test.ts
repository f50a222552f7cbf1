/**
 * The start image of Node in which the command line is loaded already.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from '../helpers/cli.ts'
import { bench } from '../helpers/needs.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const { slim } = await import(join(project, 'scripts/snapshot.mjs')) as { slim: (image: Uint8Array) => Uint8Array }

let home: string
beforeAll(() => { home = mkdtempSync(join(bench().directory, 'snapshot-')) })
afterAll(() => rmSync(home, { recursive: true }))

const run = async (words: readonly string[]) => {
  const { code, stdout, stderr } = await runProgram(words)
  return { code, stdout, stderr }
}

describe('an image without the code of the modules of Node', () => {
  const source = `
    const { startupSnapshot } = require('node:v8')
    startupSnapshot.setDeserializeMainFunction(() => console.log(require('node:net').isIP(process.argv[2])))`

  test('does the same in half the size, also with other options of V8 than it was made with', async () => {
    const [script, image, small] = ['image.cjs', 'image', 'small'].map((name) => join(home, name)) as [string, string, string]
    writeFileSync(script, source)
    expect(await run([process.execPath, '--snapshot-blob', image, '--build-snapshot', script])).toMatchObject({ code: 0 })
    writeFileSync(small, slim(readFileSync(image)))
    expect(statSync(small).size).toBeLessThan(statSync(image).size / 2)
    for (const option of ['--opt', '--no-opt']) {
      expect(await run([process.execPath, option, '--snapshot-blob', small, '--', 'x', '::1'])).toEqual({ code: 0, stdout: '6\n', stderr: '' })
    }
  })

  test.each([
    ['nothing', Buffer.alloc(0)], ['zeros', Buffer.alloc(10_000)], ['ones', Buffer.alloc(10_000, 0xff)], ['a text', Buffer.from('x'.repeat(10_000))],
  ])('is not made of %s', (_, bytes) => {
    expect(() => slim(bytes)).toThrow('a start image of another form')
  })
})

describe('the command', () => {
  /** A package with what the build has made of this one for this Node. */
  const copy = (name: string): string => {
    const root = join(home, name)
    for (const part of ['bin', 'dist']) cpSync(join(project, part), join(root, part), { recursive: true, filter: (path) => !path.includes('/types') })
    copyFileSync(join(project, 'package.json'), join(root, 'package.json'))
    return root
  }
  const fails = (root: string) => run([join(root, 'dist/nrunc'), '--root', join(home, 'state'), 'delete', 'none'])

  test('finds its addon where it is started, not where the image was made', async () => {
    const root = copy('moved')
    const nrunc = [join(root, 'dist/nrunc'), '--root', join(home, 'state')]
    expect(await run([...nrunc, 'spec', '--bundle', home])).toMatchObject({ code: 0 })
    const { code, stderr } = await run([...nrunc, 'run', '--bundle', home, 'x'])
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(`in ${root}/prebuilds or ${root}/build`) })
  })

  test('starts without an image where there is none', async () => {
    const root = copy('without')
    const before = await fails(root)
    rmSync(join(root, 'dist/snapshot'), { force: true }) // Node 20 alone has one
    expect(await fails(root)).toEqual({ ...before, stderr: expect.stringContaining('container \\"none\\" does not exist') })
  })

  test('is where it is started, not where the image was made', async () => {
    const directory = join(home, 'elsewhere')
    mkdirSync(directory)
    expect(await run(['env', '-C', directory, join(project, 'dist/nrunc'), 'spec'])).toMatchObject({ code: 0 })
    expect(existsSync(join(directory, 'config.json'))).toBe(true)
  })
})
