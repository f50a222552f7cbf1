/**
 * Annotations that change how a container is made. Source: crun(1), "Extensions to OCI".
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
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

  test('capabilities that are unknown are told, and the container runs without them', async () => {
    const { id, bundle } = sandbox.bundle(['grep', 'CapBnd', '/proc/self/status'], ({ process }) => {
      process.capabilities = { bounding: ['CAP_KILL', 'CAP_FLY'] }
    })
    const { code, stdout, stderr } = await sandbox.nrunc(['run', '-b', bundle, id])
    expect([code, stdout]).toEqual([0, 'CapBnd:\t0000000000000020\n'])
    expect(stderr).toContain('level=warning msg="ignoring unknown or unavailable capabilities: [CAP_FLY]"')
  })
})
