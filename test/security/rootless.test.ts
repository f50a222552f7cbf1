/**
 * What an ordinary user's container must not get: the host's cgroups (CVE-2023-25809), and rid of a group that keeps its
 * user out (CVE-2014-8989).
 */
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Spec } from '../../lib/index.ts'
import { useSandbox } from '../helpers/containers.ts'
import { someone } from '../helpers/host.ts'
import { bench, container, describeWith } from '../helpers/needs.ts'
import { type Home, makeHome } from '../helpers/rootless.ts'

describeWith([...container, 'cli', 'compiler', 'rootless'], 'an ordinary user\'s container', () => {
  const sandbox = useSandbox()
  let home: Home
  let count = 0
  beforeAll(() => { home = makeHome() })

  const run = async (script: string, change: (spec: Spec) => void = () => {}): Promise<string> => {
    const id = `${sandbox.prefix}-${++count}`, directory = join(home.directory, id)
    mkdirSync(directory)
    chownSync(directory, someone.uid, someone.gid)
    await home.nrunc(['spec', '--rootless', '-b', directory])
    const config = join(directory, 'config.json')
    const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec
    spec.root.path = bench().rootfs
    Object.assign(spec.process!, { terminal: false, args: ['sh', '-c', script] })
    change(spec)
    writeFileSync(config, JSON.stringify(spec))
    const result = await home.nrunc(['--root', join(home.directory, 'state'), 'run', '-b', directory, id])
    expect(result).toMatchObject({ code: 0 })
    return result.stdout
  }

  const writable = (options: readonly string[] = []): string[] => options.filter((option) => option !== 'ro')

  test.each([
    ['as the spec says', () => {}],
    ['with mounts that are asked to be writable', ({ mounts }: Spec) => {
      for (const mount of mounts ?? []) if (mount.destination.startsWith('/sys')) mount.options = writable(mount.options)
    }],
    ['without a cgroup mount', (spec: Spec) => {
      spec.mounts = spec.mounts!.filter(({ destination }) => destination !== '/sys/fs/cgroup')
    }],
    ['with a cgroup namespace', (spec: Spec) => { spec.linux!.namespaces!.push({ type: 'cgroup' }) }],
  ])('CVE-2023-25809: no cgroup of the host can be written to, %s', async (_, change) => {
    const before = readdirSync('/sys/fs/cgroup')
    const script = 'for at in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -d $at ] && [ $(stat -f -c %T $at) != tmpfs ] && mkdir $at/nrunc-was-here 2>/dev/null && echo $at; done; echo end'
    expect(await run(script, change)).toBe('end\n')
    expect(readdirSync('/sys/fs/cgroup')).toEqual(before)
  })

  test('CVE-2014-8989: groups cannot be dropped', async () => {
    const setgroups = process.arch === 'x64' ? 116 : 159
    expect(await run(`cat /proc/self/setgroups; probe call ${setgroups} 0 0`)).toBe('deny\n1\n')
  })
})
