/**
 * `tmpcopyup`: a tmpfs that begins with what the image has at its place. The image is hostile. Source: runtime-spec
 * config.md "Linux mount options".
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync, chownSync, lutimesSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCanary } from '../helpers/canary.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'

describeWith(container, 'tmpcopyup', () => {
  const sandbox = useSandbox()
  const copied = (rootfs: string, options: string[] = [], change?: (spec: TestSpec) => void) =>
    (spec: TestSpec): void => {
    spec.root.path = rootfs
    spec.mounts.push({ destination: '/var', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', ...options] })
    change?.(spec)
  }
  const shell = async (script: string, change: (spec: TestSpec) => void) => {
    const { stdout, stderr } = await sandbox.output(['sh', '-c', script], change)
    expect(stderr).toBe('')
    return stdout
  }

  test('the tree is there, with owners, modes and times, and changes stay in memory', async () => {
    const rootfs = sandbox.rootfs()
    const place = join(rootfs, 'var')
    mkdirSync(join(place, 'lib/deep/er'), { recursive: true })
    writeFileSync(join(place, 'lib/large'), Buffer.alloc(3_000_000, 'a'))
    writeFileSync(join(place, 'lib/deep/er/file'), 'content\n')
    chownSync(join(place, 'lib/deep/er/file'), 7, 8)
    chmodSync(join(place, 'lib/deep/er/file'), 0o4750)
    utimesSync(join(place, 'lib/deep/er/file'), 1000, 1_000_000)
    chmodSync(join(place, 'lib/deep'), 0o1711)
    symlinkSync('deep/er/file', join(place, 'lib/link'))
    lutimesSync(join(place, 'lib/link'), 5, 5)
    spawnSync('mkfifo', ['-m', '640', join(place, 'fifo')])
    chownSync(place, 3, 4)
    chmodSync(place, 0o2775)
    const look = 'cd /var; stat -c "%n %F %u:%g %a" . lib/deep lib/deep/er/file lib/link fifo; stat -c %Y lib/deep/er/file;'
    const script = `${look} readlink lib/link; cat lib/link; wc -c < lib/large; tr -d a < lib/large | wc -c; df -k . | awk 'END { print $1 }'`
    const stdout = await shell(`${script}; echo changed > lib/deep/er/file; rm fifo; echo new > new`,
      copied(rootfs, [], ({ process }) => {
      process.capabilities = { bounding: ['CAP_DAC_OVERRIDE'], permitted: ['CAP_DAC_OVERRIDE'],
        effective: ['CAP_DAC_OVERRIDE'] }
    }))
    expect(stdout.split('\n').slice(0, -1)).toEqual([
      '. directory 3:4 2775', 'lib/deep directory 0:0 1711', 'lib/deep/er/file regular file 7:8 4750',
      'lib/link symbolic link 0:0 777', 'fifo fifo 0:0 640', '1000000', 'deep/er/file', 'content', '3000000', '0',
        'tmpfs',
    ])
    expect(readFileSync(join(place, 'lib/deep/er/file'), 'utf8')).toBe('content\n')
    expect(statSync(join(place, 'fifo')).isFIFO()).toBe(true)
  })

  test('what is mounted is not looked for by its name again, which leads elsewhere once it is covered', async () => {
    const rootfs = sandbox.rootfs()
    writeFileSync(join(rootfs, 'var/file'), 'content\n')
    symlinkSync('.', join(rootfs, 'var/here'))
    const stdout = await shell('cat /var/file; readlink /var/here; stat -f -c %T /var', (spec) => {
      spec.root.path = rootfs
      spec.mounts.push({ destination: '/var/here', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'private'] })
    })
    expect(stdout).toBe('content\n.\ntmpfs\n')
  })

  test('a place that the image does not have is an empty one', async () => {
    expect(await shell('ls -A /srv/data; stat -c %a /srv/data', (spec) => {
      spec.root.path = sandbox.rootfs()
      spec.mounts.push({ destination: '/srv/data', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] })
    })).toBe('755\n')
  })

  test('read-only, it is filled before', async () => {
    const rootfs = sandbox.rootfs()
    writeFileSync(join(rootfs, 'var/file'), 'content\n')
    expect(await shell('cat /var/file; touch /var/new 2>/dev/null || echo refused', copied(rootfs, ['ro'])))
      .toBe('content\nrefused\n')
  })

  test('what is mounted below is not copied', async () => {
    const rootfs = sandbox.rootfs()
    mkdirSync(join(rootfs, 'var/below'))
    writeFileSync(join(rootfs, 'var/below/hidden'), '')
    const script = 'ls -A /var/below'
    expect(await shell(script, copied(rootfs, [], ({ mounts }) => {
      const last = mounts.pop()!
      mounts.push({ destination: '/var/below', type: 'tmpfs', source: 'tmpfs' }, last)
    }))).toBe('')
    expect(await shell(script, copied(rootfs))).toBe('hidden\n')
  })

  test('links are copied as links, wherever they lead, also the place itself', async () => {
    const canary = makeCanary(sandbox.directory)
    const before = canary.look()
    const rootfs = sandbox.rootfs()
    symlinkSync(canary.directory, join(rootfs, 'var/outside'))
    symlinkSync('../'.repeat(12) + canary.file.slice(1), join(rootfs, 'var/file'))
    const stdout = await shell('readlink /var/outside; ls /var/outside/ 2>&1 | wc -l; cat /var/file 2>/dev/null; true',
      copied(rootfs))
    expect(stdout.startsWith(`${canary.directory}\n`)).toBe(true)
    expect(stdout).not.toContain('untouched')
    expect(canary.look()).toEqual(before)

    symlinkSync(canary.directory, join(rootfs, 'leads-out'))
    await shell('touch /leads-out/inside', (spec) => {
      spec.root.path = rootfs
      spec.mounts.push({ destination: '/leads-out', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] })
    })
    expect(canary.look()).toEqual(before)
  })

  test('in a user namespace the owners are those of the container', async () => {
    const rootfs = sandbox.rootfs()
    for (const [name, owner] of [['mapped', 100_005], ['foreign', 5]] as const) {
      writeFileSync(join(rootfs, 'var', name), '')
      chmodSync(join(rootfs, 'var', name), 0o644)
      chownSync(join(rootfs, 'var', name), owner, owner)
    }
    expect(await shell('stat -c "%n %u" /var/mapped', copied(rootfs, [], ({ linux }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65536 }]
    }))).toBe('/var/mapped 5\n')
  })

  test('more than fits is an error, and nothing is left', async () => {
    const rootfs = sandbox.rootfs()
    writeFileSync(join(rootfs, 'var/large'), Buffer.alloc(1 << 20))
    const error = await rejection(sandbox.create(['true'], copied(rootfs, ['size=64k'])))
    expect([error.code, error.step, error.errno, error.operand]).toEqual(['ERR_INIT', 'mount', 'ENOSPC', '/var'])
  })

  test('a tree that is too deep is an error', async () => {
    const rootfs = sandbox.rootfs()
    mkdirSync(join(rootfs, 'var', ...Array<string>(140).fill('d')), { recursive: true })
    expect((await rejection(sandbox.create(['true'], copied(rootfs)))).errno).toBe('ELOOP')
  })
})
