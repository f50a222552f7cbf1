/**
 * The launcher: how the command finds Node, and what it takes from its environment.
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launcher, runProgram } from '../helpers/cli.ts'
import { bench } from '../helpers/needs.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** A package whose script tells how it was called. */
const script = `console.log(JSON.stringify({
  node: process.execPath, options: process.execArgv, args: process.argv.slice(2), env: process.env,
}))`

describe('the launcher', () => {
  let home: string
  let command: string

  beforeAll(() => {
    home = mkdtempSync(join(bench().directory, 'launcher-'))
    for (const name of ['bin', 'dist', 'node']) mkdirSync(join(home, name))
    writeFileSync(join(home, 'bin/nrunc.cjs'), script)
    command = join(home, 'dist/nrunc')
    copyFileSync(launcher, command)
  })
  afterAll(() => rmSync(home, { recursive: true }))

  const record = (text: string) => writeFileSync(join(home, 'dist/launch'), text)
  const run = async (words: string[], through: string[] = []) => {
    const { code, stdout, stderr } = await runProgram([command, ...words], { through })
    return { code, stderr, said: stdout === '' ? undefined : JSON.parse(stdout) }
  }

  test('the words of the caller reach the script as they are', async () => {
    const words = ['--version', '--', '', 'a b', '--eval=1', '-e', 'ü']
    expect((await run(words)).said.args).toEqual(words)
  })

  test('no variable of Node goes with them, all others do', async () => {
    const given = ['env', 'NODE_OPTIONS=--no-such-option', 'NODE_EXTRA_CA_CERTS=/x', 'NODE=kept', 'OTHER=a=b']
    const { env } = (await run([], given)).said
    expect(env).toMatchObject({ NODE: 'kept', OTHER: 'a=b' })
    expect(Object.keys(env).filter((name) => name.startsWith('NODE_'))).toEqual([])
  })

  test('the recorded Node is taken, with its words', async () => {
    record(`${process.execPath}\n`) // a record without an identity names no Node
    expect((await run([])).said.options).toEqual([])
    const { stdout } = await runProgram(['stat', '-L', '-c', '%s %Y', process.execPath])
    record(`${stdout.trim()}\n${process.execPath}\n\n--no-opt\n--stack-trace-limit=7\n`)
    const { said } = await run(['x'], ['env', '-i'])
    expect(said).toMatchObject({ node: process.execPath, options: ['--no-opt', '--stack-trace-limit=7'], args: ['x'] })
  })

  test('a start image goes with its Node, if it is there; the words of the caller reach it as they are', async () => {
    const identity = (await runProgram(['stat', '-L', '-c', '%s %Y', process.execPath])).stdout.trim()
    record(`${identity}\n${process.execPath}\nsnapshot\n--no-opt\n`)
    const words = ['--version', '--', '', 'a b', '--eval=1', '-e', 'ü']
    expect((await run(words)).said).toMatchObject({ options: ['--no-opt'], args: words })
    writeFileSync(join(home, 'image.cjs'), `require('node:v8').startupSnapshot.setDeserializeMainFunction(() => { ${script}; console.log() })`)
    const made = await runProgram([process.execPath, '--no-opt', '--snapshot-blob', join(home, 'dist/snapshot'), '--build-snapshot', join(home, 'image.cjs')])
    expect(made).toMatchObject({ code: 0 })
    const { said } = await run(words)
    expect(said).toMatchObject({ options: ['--no-opt', '--snapshot-blob', join(home, 'dist/snapshot')], args: words })
  })

  test('another Node than the recorded one is called without words: it might refuse them', async () => {
    record(`1 1\n${process.execPath}\nsnapshot\n--no-opt\n`)
    expect((await run([])).said).toMatchObject({ node: process.execPath, options: [] })
  })

  test('where the recorded Node is gone, it is the first one of PATH', async () => {
    record('1 1\n/no/such/node\n\n--no-opt\n')
    symlinkSync(process.execPath, join(home, 'node/node'))
    const { said } = await run([], ['env', '-i', `PATH=relative::/no/such:${join(home, 'node')}`])
    expect(said.node).toBe(process.execPath)
  })

  test.each([['empty', ''], ['without an end', 'x'.repeat(10_000)], ['of lines alone', '\n'.repeat(200)]])('a record that is %s does no harm', async (_, text) => {
    record(text)
    expect((await run(['a'])).said.args).toEqual(['a'])
  })

  test('without any Node it says so', async () => {
    rmSync(join(home, 'dist/launch'), { force: true })
    const only = mkdtempSync(join(bench().directory, 'no-node-'))
    // In a root file system of its own there is none, wherever it stands here.
    cpSync(home, join(only, 'home'), { recursive: true })
    for (const name of ['proc', 'dev']) mkdirSync(join(only, name))
    const script = `mount --rbind /proc ${only}/proc && exec chroot ${only} /home/dist/nrunc list`
    const { code, stderr } = await runProgram(['unshare', '-m', 'sh', '-c', script])
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'nrunc: cannot find Node.js (node) in PATH\n' })
    rmSync(only, { recursive: true })
  })

  test('the script in its place, for a package that was installed without its script, does the same', async () => {
    copyFileSync(join(project, 'bin/nrunc'), join(home, 'bin/nrunc'))
    chmodSync(join(home, 'bin/nrunc'), 0o755)
    const bare = mkdtempSync(join(bench().directory, 'bare-'))
    cpSync(join(home, 'bin'), join(bare, 'bin'), { recursive: true })
    symlinkSync('bin/nrunc', join(bare, 'link'))
    const { stdout } = await runProgram([join(bare, 'link'), 'a b', '-c'], { env: { NODE_OPTIONS: '--no-such-option' } })
    expect(JSON.parse(stdout)).toMatchObject({ args: ['a b', '-c'] })
    rmSync(bare, { recursive: true })
  })
})
