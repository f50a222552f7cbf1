/**
 * Time namespaces, new and joined, and the offsets of their clocks. Source: runtime-spec config-linux.md "Offset for Time
 * Namespace", time_namespaces(7).
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { end, rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { linkOf } from '../helpers/host.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseProbe } from '../helpers/probe.ts'

const day = 86_400
const uptime = (text: string): number => Number(text.split(' ')[0])
const withTime = (change?: (spec: TestSpec) => void) => (spec: TestSpec): void => {
  spec.linux.namespaces.push({ type: 'time' })
  spec.linux.timeOffsets = { monotonic: { secs: 3 * day, nanosecs: 5 }, boottime: { secs: 7 * day } }
  change?.(spec)
}

describeWith([...container, 'compiler', 'timeNamespaces'], 'a time namespace', () => {
  const sandbox = useSandbox()

  test('is the container\'s own, with the offsets of the spec: in create, run and exec', async () => {
    const before = uptime(readFileSync('/proc/uptime', 'utf8'))
    const made = await sandbox.create(['sh', '-c', 'cat /proc/uptime /proc/self/timens_offsets; exec sleep 1000'],
      withTime())
    const own = linkOf(`/proc/${made.pid}/ns/time`)
    expect(own).not.toBe(linkOf('/proc/self/ns/time'))
    expect(readFileSync(`/proc/${made.pid}/timens_offsets`, 'utf8').split(/\s+/).filter(Boolean))
      .toEqual(['monotonic', String(3 * day), '5', 'boottime', String(7 * day), '0'])
    await made.start()
    const output = await end(await made.exec({ args: ['cat', '/proc/uptime'] }))
    const inside = uptime(output.stdout) - before
    expect(Math.floor(inside / day)).toBe(7)
    const exec = parseProbe((await end(await made.exec({ args: ['probe'] }))).stdout)
    expect(exec.namespaces['time']).toBe(own)
    const ran = parseProbe((await sandbox.output(['probe'], withTime())).stdout)
    expect([linkOf('/proc/self/ns/time'), own]).not.toContain(ran.namespaces['time'])
    expect(ran.pid).toBe(1)
  })

  test('together with a user namespace', async () => {
    const { stdout } = await sandbox.output(['sh', '-c', 'cat /proc/self/timens_offsets; probe'],
      withTime(({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
    }))
    expect(stdout).toMatch(new RegExp(`^monotonic +${3 * day} +5\\nboottime +${7 * day} +0\\n`))
    expect(parseProbe(stdout).pid).toBe(1)
  })

  test('without a pid namespace, and without offsets', async () => {
    const { stdout } = await sandbox.output(['probe'], ({ linux }) => {
      linux.namespaces = [...linux.namespaces.filter(({ type }) => type !== 'pid'), { type: 'time' }]
    })
    const { namespaces } = parseProbe(stdout)
    expect(namespaces['time']).not.toBe(linkOf('/proc/self/ns/time'))
    expect(namespaces['pid']).toBe(linkOf('/proc/self/ns/pid'))
  })

  test('of another container is joined', async () => {
    const made = await sandbox.run(['sleep', '1000'], withTime())
    const { stdout } = await sandbox.output(['sh', '-c', 'cat /proc/self/timens_offsets; probe'], ({ linux }) =>
      linux.namespaces.push({ type: 'time', path: `/proc/${made.pid}/ns/time` }))
    expect(parseProbe(stdout).namespaces['time']).toBe(linkOf(`/proc/${made.pid}/ns/time`))
    expect(stdout).toContain(String(7 * day))
  })

  test('in a joined user namespace', async () => {
    const made = await sandbox.run(['sleep', '1000'], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
    })
    const { stdout } = await sandbox.output(['cat', '/proc/self/timens_offsets'], withTime(({ linux }) =>
      linux.namespaces.push({ type: 'user', path: `/proc/${made.pid}/ns/user` })))
    expect(stdout).toContain(String(7 * day))
  })

  test('its first process is waited for as any, and hooks of the container are in it', async () => {
    const made = await sandbox.run(['sh', '-c', 'exit 7'], withTime((spec) => {
      spec.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c',
        `grep -q ${7 * day} /proc/self/timens_offsets`] }] }
    }))
    expect((await end(made)).code).toBe(7)
  })

  test('an offset that the kernel does not take is an error with its field', async () => {
    const error = await rejection(sandbox.create(['true'], withTime(({ linux }) => {
      linux.timeOffsets = { monotonic: { secs: -1_000_000_000_000 } }
    })))
    expect([error.code, error.field, error.step, error.errno]).toEqual(['ERR_INIT', '/linux/timeOffsets',
      'setTimeOffsets', 'ERANGE'])
  })
})
