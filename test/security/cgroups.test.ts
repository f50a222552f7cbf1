/**
 * Cgroups that a container makes below its own, to hide in or to stay: names that are no text, paths that are longer than a
 * system call takes, frozen ones, more than there are descriptors.
 */
import { existsSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { type TestSpec, useSandbox } from '../helpers/containers.ts'
import { cgroupDirectory } from '../helpers/cgroup.ts'
import { isRunning, until } from '../helpers/host.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const unified = existsSync('/sys/fs/cgroup/cgroup.controllers')
const group = unified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/devices'

/** The cgroups can be written to, and the end of init does not end the others. */
const writable = (spec: TestSpec): void => {
  const mount = spec.mounts.find(({ destination }) => destination === '/sys/fs/cgroup')!
  mount.options = mount.options!.filter((option) => option !== 'ro')
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'pid')
}

const hide = (directory: string): string => `mkdir "${directory}"; sleep 1000 & echo $! > "${directory}/cgroup.procs"; echo $!`

describeWith(container, 'cgroups of a container\'s making', () => {
  const sandbox = useSandbox()
  beforeAll(async () => { await sandbox.output(['true']) })

  test.each([
    ['a name that is no text', hide('$(printf "\\377x")')],
    ['a name with quotes and spaces', hide(`a ' b`)],
    ['a path of 5,000 bytes', `name=$(printf "%0250d" 0); for at in $(seq 20); do mkdir $name; cd $name; done; ${hide('end')}`],
    ['three hundred', `for at in $(seq 300); do mkdir at$at; done; ${hide('at300/in')}`],
  ])('%s: its processes are found, killed, and it is removed', async (_, script) => {
    await leavesNothing(sandbox, async () => {
      const made = await sandbox.run(['sh', '-c', `cd ${group}; ${script}; echo; exec sleep 1000`], writable, { stderr: 'ignore' })
      let hidden = 0
      for await (const line of made) {
        if (line !== '') hidden = Number(line)
        else break
      }
      // the number is the host's: there is no pid namespace
      expect(isRunning(hidden)).toBe(true)
      expect(await made.processes()).toContain(hidden)
      await made.delete({ force: true })
      await until(() => !isRunning(hidden))
      expect(existsSync(cgroupDirectory(made.id, 'devices'))).toBe(false)
    })
  })

  test.skipIf(unified)('frozen under a name that is no text', async () => {
    await leavesNothing(sandbox, async () => {
      const script = `cd /sys/fs/cgroup/freezer; ${hide('$(printf "\\377")')}; for name in *; do [ -d "$name" ] && echo FROZEN > "$name/freezer.state"; done`
      const made = await sandbox.run(['sh', '-c', `${script}; echo; exec sleep 1000`], writable, { stderr: 'ignore' })
      let hidden = 0
      for await (const line of made) {
        if (line !== '') hidden = Number(line)
        else break
      }
      await made.delete({ force: true })
      await until(() => !isRunning(hidden))
    })
  })
})
