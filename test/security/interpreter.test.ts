import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rejection, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

/**
 * The kernel opens the interpreter that the first line of a script names before it closes what is to be closed on exec:
 * `/proc/self/fd/N/..` must lead nowhere, whatever N is (the class of CVE-2024-21626 and CVE-2019-5736).
 */
describeWith(container, 'interpreters', () => {
  const sandbox = useSandbox()
  const numbers = Array.from({ length: 100 }, (_, number) => number)

  test('no descriptor leads that of an added process to a program of the host', async () => {
    const rootfs = sandbox.rootfs()
    const canary = join(sandbox.directory, 'canary')
    copyFileSync(join(rootfs, 'bin/busybox'), canary)
    for (const number of numbers) {
      writeFileSync(join(rootfs, `up${number}`), `#!/proc/self/fd/${number}/..${canary}\n`, { mode: 0o755 })
    }
    const made = await sandbox.run(['sleep', '100'], (spec) => { spec.root.path = rootfs })
    for (const number of numbers) {
      const error = await rejection(made.exec({ args: [`/up${number}`], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }))
      expect([error.code, error.field], `descriptor ${number}`).toEqual(['ERR_PROGRAM', '/args'])
    }
  })
})
