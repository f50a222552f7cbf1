/**
 * The embedded default: a container with the host's own programs, from one call and from `nrunc spec --host`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Runtime } from '../../lib/index.ts'
import { end, rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith([...container, 'cli'], 'the embedded default', () => {
  const sandbox = useSandbox()
  const run = async (args: readonly string[], more: object = {}) => {
    const made = sandbox.keep(await sandbox.runtime.run({ id: sandbox.id(), host: { args, ...more }, stdin: 'ignore' }))
    return { made, ended: await end(made) }
  }

  test('from the library in one call', async () => {
    const { made, ended } = await run(['sh', '-c', 'echo hello; hostname; exit 3'])
    expect(ended).toEqual({ code: 3, signal: null, stdout: 'hello\nnrunc\n', stderr: '' })
    expect(made.bundle).toBe(join(sandbox.root, made.id, 'bundle'))
    await made.delete()
    expect(readdirSync(sandbox.root)).toEqual([])
  })

  test('programs of the host run, and nothing of the host can be written', async () => {
    const script = [
      'for path in / /usr /usr/bin /etc /etc/passwd; do if [ -w $path ]; then echo writable $path; fi; done',
      'touch /usr/new /new',
      'echo x > /tmp/x && cat /tmp/x',
    ]
    const { ended } = await run(['sh', '-c', script.join('; ')])
    expect(ended.stdout).toBe('x\n')
    expect(ended.stderr.match(/Read-only file system/g)).toHaveLength(2)
    expect(existsSync('/usr/new')).toBe(false)
  })

  test('environment, directory and host name of the call', async () => {
    const { ended } = await run(['sh', '-c', 'echo $A; pwd; hostname'], {
      env: ['A=1'],
      cwd: '/tmp',
      hostname: 'other',
    })
    expect(ended.stdout).toBe('1\n/tmp\nother\n')
  })

  test('nothing of the caller\'s environment', async () => {
    process.env['NRUNC_TEST_SECRET'] = 'secret'
    const { ended } = await run(['env'])
    expect(ended.stdout).not.toContain('secret')
    expect(
      ended.stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0])
        .sort(),
    ).toEqual(expect.arrayContaining(['HOME', 'PATH', 'TERM']))
  })

  test('a program that does not exist leaves nothing', async () => {
    const error = await rejection(
      sandbox.runtime.run({ id: sandbox.id(), host: { args: ['no-such-program'] }, stdin: 'ignore' }),
    )
    expect([error.code, error.message]).toEqual([
      'ERR_PROGRAM',
      'exec: "no-such-program": executable file not found in $PATH',
    ])
    expect(readdirSync(sandbox.root)).toEqual([])
  })

  test('not together with a bundle or a spec', async () => {
    const error = await rejection(new Runtime({ root: sandbox.root }).run({ host: {}, bundle: '/tmp' }))
    expect([error.code, error.operand]).toEqual(['ERR_OPTION_INVALID', 'host'])
  })

  test('from the command line: spec --host, run', async () => {
    const id = sandbox.id()
    const bundle = join(sandbox.directory, 'first')
    mkdirSync(bundle)
    expect(await sandbox.nrunc(['spec', '--host', '-b', bundle, 'sh', '-c', 'echo hello; exit 3'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const config = join(bundle, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8'))
    spec.linux.cgroupsPath = `/nrunc-test/${id}`
    writeFileSync(config, JSON.stringify(spec))
    expect(await sandbox.nrunc(['run', '-b', bundle, id])).toEqual({ code: 3, stdout: 'hello\n', stderr: '' })
    // Only mount points and links: nothing was copied, and nothing is mounted any more.
    expect(readdirSync(join(bundle, 'rootfs/usr'))).toEqual([])
  })
})
