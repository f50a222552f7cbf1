import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Blueprints } from '../../../lib/bundle/blueprints.ts'
import { defaultSpec, NruncError } from '../../../lib/index.ts'

let bundle: string
const write = (text: string): void => writeFileSync(join(bundle, 'config.json'), text)
const config = (args: readonly string[]): string => {
  const spec = defaultSpec()
  return JSON.stringify({ ...spec, process: { ...spec.process, args } })
}
beforeAll(() => {
  bundle = mkdtempSync(join(tmpdir(), 'nrunc-blueprint-'))
})
afterAll(() => rmSync(bundle, { recursive: true }))

describe('bundles that are started again', () => {
  test('the same text gives the same blueprint from the second time on; it cannot be changed', async () => {
    const blueprints = new Blueprints()
    write(config(['a']))
    const [first, second, third] = [await blueprints.ofBundle(bundle), await blueprints.ofBundle(bundle), await blueprints.ofBundle(bundle)]
    expect(second === first).toBe(false)
    expect(third === second).toBe(true)
    expect(() => { second.spec.process!.args = ['b'] }).toThrow(TypeError)
    first.spec.process!.args = ['b'] // the first is the caller's own
    expect(second.process.args).toEqual(['a'])
  })

  test('another text is read, whatever stood there before', async () => {
    const blueprints = new Blueprints()
    write(config(['a']))
    for (const _ of [1, 2, 3]) await blueprints.ofBundle(bundle)
    write(config(['b']))
    expect((await blueprints.ofBundle(bundle)).process.args).toEqual(['b'])
    write('{')
    await expect(blueprints.ofBundle(bundle)).rejects.toThrow(NruncError)
    rmSync(join(bundle, 'config.json'))
    await expect(blueprints.ofBundle(bundle)).rejects.toThrow('not found')
    write(config(['a']))
    expect((await blueprints.ofBundle(bundle)).process.args).toEqual(['a'])
  })
})
