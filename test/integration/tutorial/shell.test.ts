/**
 * The tutorial, first part: `nrunc spec`, and `nrunc run` with what it wrote: a shell on the terminal.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { defaultSpec } from '../../../lib/index.ts'
import { program } from '../../helpers/cli.ts'
import { cgroupMounts } from '../../helpers/cgroup.ts'
import { container, describeWith } from '../../helpers/needs.ts'
import { Pty } from '../../helpers/pty.ts'
import { useTutorial } from './tutorial.ts'

describeWith([...container, 'cli', 'compiler'], 'tutorial: a shell', () => {
  const tutorial = useTutorial()
  let pty: Pty | undefined
  afterEach(() => pty?.close())

  test('spec wrote the default config.json', () => {
    const spec = JSON.parse(readFileSync(join(tutorial.bundle(), 'config.json'), 'utf8'))
    delete spec.linux.cgroupsPath
    const onlyVersion2 = cgroupMounts().every(({ version }) => version === 2)
    expect(spec).toEqual(defaultSpec({ cgroupNamespace: onlyVersion2 }))
  })

  test('spec does not write over it', async () => {
    const { code, stdout, stderr } = await tutorial.nrunc(['spec'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('File config.json exists. Remove it first')
  })

  test('run: an interactive shell', async () => {
    const options = { cwd: tutorial.bundle() }
    pty = Pty.open([process.execPath, program, '--root', tutorial.sandbox.root, 'run', tutorial.id], options)
    await pty.shows(/# /)
    pty.type('hostname; id -u; tty; ls /\r')
    await pty.shows(/\r\nrunc\r\n0\r\n\/dev\/pts\/0\r\n/)
    await pty.shows(/proc/)
    pty.type('touch /new\r')
    await pty.shows(/Read-only file system/)
    pty.type('ps -o pid,comm\r')
    await pty.shows(/ 1 sh\r\n/)
    pty.type('exit\r')
    expect(await pty.ended).not.toBe(-1)
  })

  test('it is gone when the shell has ended', async () => {
    expect((await tutorial.must('list')).trim().split('\n')).toHaveLength(1)
  })
})
