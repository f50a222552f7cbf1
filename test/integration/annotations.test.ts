/**
 * Annotations that change how a container is made. Source: crun(1), "Extensions to OCI".
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { Peer } from '../helpers/peer.ts'
import { parseProbe } from '../helpers/probe.ts'

describeWith([...container, 'cli', 'compiler'], 'annotations', () => {
  const sandbox = useSandbox()

  test('run.oci.keep_original_groups: the groups of the caller, for exec too', async () => {
    const through = ['setpriv', '--groups', '7,9']
    const groups = (output: string) => parseProbe(output).status['Groups']?.trim()
    const run = async (value: string) => {
      const { id, bundle } = sandbox.bundle(['probe'], (spec) => {
        spec.annotations = { 'run.oci.keep_original_groups': value }
        spec.process.user.additionalGids = [5]
      })
      return groups((await sandbox.nrunc(['run', '-b', bundle, id], { through })).stdout)
    }
    expect(await run('1')).toBe('7 9')
    expect(await run('0')).toBe('5')
    const made = await sandbox.run(['sleep', '1000'], (spec) => { spec.annotations = { 'run.oci.keep_original_groups': '1' } })
    expect(groups((await sandbox.nrunc(['exec', made.id, 'probe'], { through })).stdout)).toBe('7 9')
  })

  test('run.oci.pidfd_receiver: a socket gets a pidfd of the process', async () => {
    const path = join(sandbox.directory, 'pidfd.sock')
    const annotations = { 'run.oci.pidfd_receiver': path }
    const peer = new Peer('receive', path)
    try {
      await peer.says(/^listening$/m)
      const made = await sandbox.run(['sleep', '1000'], (spec) => { spec.annotations = annotations })
      expect(Number((await peer.says(/^Pid:\t(\d+)$/m))[1])).toBe(made.pid)
      const error = await rejection(sandbox.create(['true'], (spec) => { spec.annotations = annotations }, { pidfdSocket: path }))
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', field: '/annotations/run.oci.pidfd_receiver' })
    } finally {
      peer.close()
    }
  })

  const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const
  const speakers = Object.fromEntries(kinds.map((kind) => [kind, [{ path: '/bin/sh', args: ['sh', '-c', `echo ${kind} out; echo ${kind} err >&2`] }]]))

  test('run.oci.hooks.stdout and stderr: files that get what hooks of all kinds write', async () => {
    const [out, err] = ['out', 'err'].map((name) => join(sandbox.directory, `hooks-${name}`)) as [string, string]
    writeFileSync(out, 'there before\n')
    const change = (spec: TestSpec): void => {
      spec.annotations = { 'run.oci.hooks.stdout': out, 'run.oci.hooks.stderr': err }
      spec.hooks = speakers
    }
    const made = sandbox.keep(await sandbox.create(['probe'], change, { stdout: 'pipe' }))
    await made.start()
    const { stdout } = await end(made)
    await made.delete()
    const wanted = (stream: string): string => kinds.map((kind) => `${kind} ${stream}\n`).join('')
    expect([readFileSync(out, 'utf8'), readFileSync(err, 'utf8')]).toEqual([`there before\n${wanted('out')}`, wanted('err')])
    expect(statSync(err).mode & 0o7777).toBe(0o600)
    // Neither the program nor what it could name by /proc/self/fd has them.
    expect(Object.values(parseProbe(stdout).descriptors).filter((target) => target.includes('hooks-'))).toEqual([])
    // run() takes the shorter way; one stream alone.
    const both = await sandbox.output(['true'], (spec) => {
      change(spec)
      delete (spec.annotations as Record<string, string>)['run.oci.hooks.stderr']
    })
    expect(both.code).toBe(0)
    expect([readFileSync(out, 'utf8'), readFileSync(err, 'utf8')]).toEqual([`there before\n${wanted('out')}${wanted('out')}`, wanted('err')])
  })

  test('run.oci.hooks.stdout: a file that cannot be opened is an error that names the annotation, for each kind of hook', async () => {
    const annotations = { 'run.oci.hooks.stdout': '/proc/nowhere/file' }
    const field = '/annotations/run.oci.hooks.stdout'
    await leavesNothing(sandbox, async () => {
      for (const kind of ['createRuntime', 'createContainer'] as const) {
        const error = await rejection(sandbox.run(['true'], (spec) => {
          spec.annotations = annotations
          spec.hooks = { [kind]: speakers[kind] }
        }))
        expect(error, kind).toMatchObject({ field, errno: 'ENOENT', operand: '/proc/nowhere/file' })
      }
      const spec = sandbox.spec(['true'], (given) => Object.assign(given, { annotations, hooks: { startContainer: speakers['startContainer'] } }))
      expect(await rejection(sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 1, cgroupsParent: `/${sandbox.id()}` })))
        .toMatchObject({ code: 'ERR_POOL', field })
      spec.annotations = { 'run.oci.hooks.stdout': 'relative' }
      expect(await rejection(sandbox.runtime.run({ spec }))).toMatchObject({ code: 'ERR_CONFIG_INVALID', field })
    })
  })

  test('run.oci.hooks.stdout: createContainer hooks of a pool write to it', async () => {
    const file = join(sandbox.directory, 'hooks-pool')
    const spec = sandbox.spec(['probe'], (given) => {
      given.annotations = { 'run.oci.hooks.stdout': file }
      given.hooks = { createContainer: speakers['createContainer']! }
    })
    await using pool = await sandbox.runtime.pool({ bundle: sandbox.directory, spec, size: 1, cgroupsParent: `/${sandbox.id()}` })
    expect(readFileSync(file, 'utf8')).toBe('createContainer out\n')
    const { stdout } = await end(sandbox.keep(await pool.acquire({ stdin: 'ignore' })))
    expect(Object.values(parseProbe(stdout).descriptors)).not.toContain(file)
  })

  test('capabilities that are unknown are told, and the container runs without them', async () => {
    const { id, bundle } = sandbox.bundle(['grep', 'CapBnd', '/proc/self/status'], ({ process }) => {
      process.capabilities = { bounding: ['CAP_KILL', 'CAP_FLY'] }
    })
    const { code, stdout, stderr } = await sandbox.nrunc(['run', '-b', bundle, id])
    expect([code, stdout]).toEqual([0, 'CapBnd:\t0000000000000020\n'])
    expect(stderr).toContain('level=warning msg="ignoring unknown or unavailable capabilities: [CAP_FLY]"')
  })
})
