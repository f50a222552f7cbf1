import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NruncError } from '../../../lib/errors.ts'
import { Runtime } from '../../../lib/runtime.ts'
import { defaultRoot } from '../../../lib/state/directory.ts'
import { thrown } from '../spec/helpers.ts'

const source = readFileSync(new URL('../../../lib/options/options.ts', import.meta.url), 'utf8')
/** Names of the options that an interface declares itself. */
function declared(name: string): string[] {
  const body = new RegExp(String.raw`^export interface ${name} .*?\{(.*?)^\}`, 'ms').exec(source)![1]!
  return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option]) => option!)
}
const createOptions = [...declared('StdioOptions'), ...declared('CreateOptions')]

const runtime = new Runtime({ root: '/nowhere/nrunc' })
const refused = (options: unknown): Promise<NruncError> =>
  runtime.create(options as never).then(() => { throw new Error('nothing was thrown') }, (error: unknown) => {
    if (error instanceof NruncError) return error
    throw error
  })

describe('new Runtime', () => {
  test('has the default root', () => {
    expect(new Runtime().root).toBe(defaultRoot(process.geteuid!(), process.env))
    expect(new Runtime({ root: undefined }).root).toBe(new Runtime().root)
    expect(runtime.root).toBe('/nowhere/nrunc')
  })

  test.each([
    [{ rot: '/run/a' }, 'unknown option "rot"', 'rot'], [{ Root: '/' }, 'unknown option "Root"', 'Root'],
  ])('%j', (options, message, operand) => {
    expect(thrown(() => new Runtime(options as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', message, operand })
  })

  test('the root directory cannot hold states', () => {
    expect(thrown(() => new Runtime({ root: '/' }))).toMatchObject({
      code: 'ERR_OPTION_INVALID', message: 'the state root cannot be the root directory',
    })
  })
})

describe('create and run', () => {
  test('a misspelled option is named, before anything is looked at', async () => {
    for (const name of ['nopivot', 'consolesocket', 'Bundle', 'stdIn', '']) {
      expect(await refused({ id: '', [name]: 1 })).toMatchObject({
        code: 'ERR_OPTION_INVALID', message: `unknown option ${JSON.stringify(name)}`, operand: name,
      })
    }
    await expect(runtime.run({ nosuch: 1 } as never)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID', message: 'unknown option "nosuch"',
    })
  })

  test('what are no options at all', async () => {
    for (const options of ['ls', undefined, null, 5, ['ls']]) {
      const message = `options must be an object, not ${String(options)}`
      await expect(runtime.run(options as never)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message })
      expect(thrown(() => void runtime.execute(options as never))).toMatchObject({ code: 'ERR_OPTION_INVALID', message })
    }
  })

  test('an option that belongs elsewhere: the hint says where', async () => {
    await expect(runtime.execute({ args: ['ls'] } as never)).rejects.toMatchObject({
      message: 'unknown option "args"', hint: expect.stringContaining('host: { args, env, cwd, hostname }'),
    })
  })

  test('an option that is undefined is still one that must exist', async () => {
    expect((await refused({ id: '', nosuch: undefined })).code).toBe('ERR_OPTION_INVALID')
  })

  test.each(createOptions)('%s is known', async (name) => {
    // The id is looked at after the names of the options, and before what they say.
    expect((await refused({ [name]: undefined, id: '' })).code).toBe('ERR_ID_INVALID')
  })

  test.each(['', '.', '..', 'a/b', 'x'.repeat(256)])('the id %j', async (id) => {
    expect(await refused({ id })).toMatchObject({ code: 'ERR_ID_INVALID', operand: id })
  })

  test.each([
    { bundle: '/b' }, { spec: {} }, { bundle: '/b', spec: {} },
  ])('host goes with neither bundle nor spec: %j', async (options) => {
    expect(await refused({ id: 'a', host: {}, ...options })).toMatchObject({
      code: 'ERR_OPTION_INVALID', operand: 'host', message: 'host goes with neither bundle nor spec',
    })
  })
})

describe('load', () => {
  test('an id that cannot be is refused, one that is not there does not exist', async () => {
    await expect(runtime.load('a/b')).rejects.toMatchObject({ code: 'ERR_ID_INVALID' })
    await expect(runtime.load('web')).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND', message: 'container "web" does not exist',
    })
  })

  test('a root that does not exist has no containers', async () => {
    expect(await runtime.list()).toEqual([])
  })
})
