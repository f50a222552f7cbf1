/**
 * The tutorial, third part: an ordinary user, `spec --rootless` and `--root DIR run`.
 */
import { chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { Spec } from '../../../lib/index.ts'
import { someone } from '../../helpers/host.ts'
import { bench, container, describeWith } from '../../helpers/needs.ts'
import { Pty } from '../../helpers/pty.ts'
import { type Home, makeHome } from '../../helpers/rootless.ts'

describeWith([...container, 'cli', 'compiler', 'rootless'], 'tutorial: rootless', () => {
  let home: Home
  let bundle = ''
  let pty: Pty | undefined
  beforeAll(() => {
    home = makeHome()
    bundle = join(home.directory, 'mycontainer')
    mkdirSync(bundle)
    cpSync(bench().rootfs, join(bundle, 'rootfs'), { recursive: true, verbatimSymlinks: true })
    chownSync(bundle, someone.uid, someone.gid)
  })
  afterEach(() => pty?.close())

  test('spec --rootless', async () => {
    expect(await home.nrunc(['spec', '--rootless'], { cwd: bundle })).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('--root DIR run: an interactive shell', async () => {
    pty = Pty.open(home.words('--root', join(home.directory, 'x'), 'run', 'mycontainer'), { cwd: bundle })
    await pty.shows(/# /)
    pty.type('id -u; hostname; tty\r')
    await pty.shows(/\r\n0\r\nrunc\r\n\/dev\/pts\/0\r\n/)
    pty.type('exit 6\r')
    expect(await pty.ended).toBe(6)
  })

  test('--root DIR run, without a terminal', async () => {
    const config = join(bundle, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec
    Object.assign(spec.process!, { terminal: false, args: ['sh', '-c', 'id -u; exit 4'] })
    writeFileSync(config, JSON.stringify(spec))
    expect(await home.nrunc(['--root', join(home.directory, 'x'), 'run', 'mycontainer'], { cwd: bundle })).toEqual({
      code: 4,
      stdout: '0\n',
      stderr: '',
    })
  })

  test('list of that root: nothing is left', async () => {
    expect(await home.nrunc(['--root', join(home.directory, 'x'), 'list', '-q'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
  })
})
