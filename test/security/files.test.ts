/**
 * `readFile`, `writeFile`, `copyIn` and `copyOut` of a container whose files are made for whoever reads them. Links that
 * lead out (CVE-2018-15664, CVE-2019-14271) are in integration/files.test.ts, those that change meanwhile in races.test.ts.
 */
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import type { Container, FileCallOptions, NruncError } from '../../lib/index.ts'
import { rejection, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { bench, container, describeWith, reasonsAgainst } from '../helpers/needs.ts'


/** The next line that a container writes. */
const line = async ({ stdout }: Container): Promise<string> => {
  let text = ''
  while (!text.endsWith('\n')) text += String(stdout!.read(1) ?? (await once(stdout!, 'readable'), ''))
  return text.slice(0, -1)
}

/** Wait until it has written these. */
const lines = async (made: Container, ...expected: readonly string[]): Promise<void> => {
  for (const text of expected) expect(await line(made)).toBe(text)
}

const threads = (): number => readdirSync('/proc/self/task').length

describeWith([...container, 'compiler'], 'files of a hostile container', () => {
  const sandbox = useSandbox()
  const scratch = (): string => mkdtempSync(join(sandbox.directory, 'scratch-'))
  const writable = (spec: TestSpec): void => {
    spec.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
  }

  test('a lease on a file does not hold up who reads it', async () => {
    const made = await sandbox.run(['probe', 'lease', '/tmp/file'], writable)
    await lines(made, 'ready')
    const error = await rejection(made.readFile('/tmp/file'))
    expect([error.code, error.errno, error.message]).toEqual(['ERR_FILE', 'EAGAIN', expect.stringContaining('cannot read "/tmp/file"')])
    expect((await rejection(made.readStream('/tmp/file'))).errno).toBe('EAGAIN')
    expect((await rejection(made.copyOut('/tmp/file', join(scratch(), 'file')))).errno).toBe('EAGAIN')
  })

  test.each(['root/etc/passwd', 'cwd/etc/passwd', 'exe', 'fd/0', 'ns/pid', 'root'])('/proc/1/%s leads nowhere', async (name) => {
    const made = await sandbox.run(['sleep', '1000'], writable)
    const path = `/proc/1/${name}`
    const works = [() => made.readFile(path), () => made.writeFile(`${path}/new`, 'x'), () => made.copyIn('/etc/hostname', `${path}/new`)]
    for (const work of works) {
      const error = await rejection(work())
      expect([error.code, error.errno]).toEqual(['ERR_FILE', expect.stringMatching(/^(ELOOP|EXDEV|ENOTDIR)$/)])
    }
  })

  test('what is no file: nobody waits for the other end, nothing is opened', async () => {
    const made = await sandbox.run(['sh', '-c', 'cd /tmp; mkfifo fifo; mkdir directory; ln -s /dev/ptmx terminal; ln -s /dev/zero zero; ln -s fifo link; echo ready; exec sleep 1000'], writable)
    await lines(made, 'ready')
    for (const name of ['fifo', 'directory', 'terminal', 'zero', 'link']) {
      const error = await leavesNothing(sandbox, () => rejection(made.readFile(`/tmp/${name}`)))
      expect(error.message, name).toBe(`cannot read "/tmp/${name}": not a regular file`)
    }
    // What is written replaces the name, and does not go through it.
    for (const name of ['fifo', 'terminal', 'zero', 'link']) {
      await made.writeFile(`/tmp/${name}`, name)
      expect(await made.readFile(`/tmp/${name}`, { encoding: 'utf8' })).toBe(name)
    }
  })

  test('a file that is larger than a disk, and one that grows while it is read, have a limit', async () => {
    const made = await sandbox.run(['sh', '-c', 'truncate -s 100G /tmp/huge; head -c 200000 /bin/busybox > /tmp/grows; echo ready; while :; do echo more; done >> /tmp/grows'], writable)
    await lines(made, 'ready')
    for (const path of ['/tmp/huge', '/tmp/grows']) {
      const error = await rejection(made.readFile(path, { maxBytes: 1000 }))
      expect(error.message).toContain('it has more than 1000 bytes')
      expect((await rejection(made.copyOut(path, join(scratch(), 'file'), { maxBytes: 100_000 }))).message).toContain('maxBytes')
    }
  })

  describe.skipIf(reasonsAgainst(['fuse']).length > 0)('with a file system of its own (FUSE)', () => {
    const serve = async (): Promise<Container> => {
      const rootfs = sandbox.rootfs()
      copyFileSync(bench().fuse, join(rootfs, 'bin/fuse'))
      mkdirSync(join(rootfs, 'mnt'))
      const made = await sandbox.run(['fuse', '/mnt'], (spec) => {
        spec.root.path = rootfs
        const all = ['CAP_SYS_ADMIN']
        spec.process.capabilities = { bounding: all, permitted: all, effective: all }
        spec.linux.devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }]
        spec.linux.resources = { devices: [{ allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' }] }
      })
      await lines(made, 'ready')
      return made
    }

    test('a directory without an end is left after maxEntries', async () => {
      const made = await serve()
      const target = scratch()
      const error = await rejection(made.copyOut('/mnt/many', join(target, 'many'), { maxEntries: 100 }))
      expect(error.message).toContain('there are more entries than maxEntries allows')
      expect(readdirSync(join(target, 'many')).length).toBe(99)
    })

    /** The container ends, and with it these calls. */
    const ended = async (made: Container, ...calls: readonly Promise<NruncError>[]): Promise<void> => {
      await made.delete({ force: true })
      for (const error of await Promise.all(calls)) {
        expect([error.code, error.errno]).toEqual(['ERR_FILE', expect.stringMatching(/^(ECONNABORTED|ENOTCONN|EIO)$/)])
      }
    }

    test("what never comes ends with the container; libuv's threads are free meanwhile", async () => {
      const before = threads()
      await leavesNothing(sandbox, async () => {
        const made = await serve()
        const read = [1, 2, 3, 4, 5].map(() => rejection(made.readFile('/mnt/hang')))
        await lines(made, 'read', 'read', 'read', 'read', 'read')
        const stream = rejection(made.readStream('/mnt/hang'))
        const copied = rejection(made.copyOut('/mnt/hang', join(scratch(), 'hang')))
        await lines(made, 'read', 'read')
        const looked = [rejection(made.readFile('/mnt/silent')), rejection(made.copyOut('/mnt/silent', join(scratch(), 'silent')))]
        await lines(made, 'look', 'look')
        // Last: the kernel looks up nothing more in that directory.
        const written = rejection(made.writeFile('/mnt/new', 'x'))
        await lines(made, 'create')
        expect(await readFile('/etc/passwd', 'latin1')).toContain('root')
        expect(existsSync(`/proc/${made.pid}`)).toBe(true)
        await ended(made, ...read, stream, copied, written, ...looked)
      })
      await expect.poll(threads, { timeout: 30_000 }).toBeLessThanOrEqual(before)
    })

    test('time and signal end the call, and the rest of it ends with the container', async () => {
      await leavesNothing(sandbox, async () => {
        const made = await serve()
        const target = join(scratch(), 'x')
        const calls = (options: FileCallOptions) => [
          made.readFile('/mnt/hang', options), made.readFile('/mnt/silent', options), made.readStream('/mnt/hang', options),
          made.copyOut('/mnt/hang', target, options), made.copyIn('/etc/hostname', '/mnt/new', options), made.writeFile('/mnt/new', 'x', options),
        ]
        for (const call of calls({ timeout: 100 })) {
          const error = await rejection(call)
          expect([error.code, error.message]).toEqual(['ERR_TIMEOUT', 'timed out after 100 ms'])
        }
        const [controller, reason] = [new AbortController(), new Error('enough')]
        const waiting = calls({ signal: controller.signal }).map((call) => rejection(call))
        controller.abort(reason)
        for (const error of await Promise.all(waiting)) expect([error.code, error.cause]).toEqual(['ERR_ABORTED', reason])
        await made.delete({ force: true })
      })
    })

    test('a stream is destroyed without an answer', async () => {
      const made = await serve()
      const stream = await made.readStream('/mnt/then')
      const first = await once(stream, 'data')
      expect(first[0]).toHaveLength(1 << 18)
      await lines(made, 'read')
      stream.destroy()
      await once(stream, 'close')
      await made.delete({ force: true })
    })

    test('many calls have a few threads; the others are done when their turn comes', async () => {
      const made = await serve()
      const waiting = Array.from({ length: 40 }, () => rejection(made.readFile('/mnt/hang')))
      await lines(made, ...Array.from({ length: 16 }, () => 'read'))
      expect((await rejection(made.readFile('/etc/passwd', { timeout: 100 }))).code).toBe('ERR_TIMEOUT')
      expect(made.stdout!.read()).toBe(null)
      const other = await sandbox.run(['sleep', '1000'])
      expect(await other.readFile('/etc/passwd', { encoding: 'latin1' })).toContain('root')
      await made.delete({ force: true })
      for (const error of await Promise.all(waiting)) expect(error.code).toBe('ERR_FILE')
    })

    test('a worker thread that waits for an answer is terminated', async () => {
      await leavesNothing(sandbox, async () => {
        const made = await serve()
        const library = new URL('../../dist/index.js', import.meta.url).href
        const worker = new Worker(`
          import(${JSON.stringify(library)}).then(async ({ Runtime }) => {
            const made = await new Runtime({ root: ${JSON.stringify(sandbox.root)} }).load('${made.id}')
            for (const name of ['silent', 'hang']) void made.readFile('/mnt/' + name)
          })`, { eval: true, stderr: true })
        expect([await line(made), await line(made)].sort()).toEqual(['look', 'read'])
        await worker.terminate()
        await made.delete({ force: true })
      })
    })
  })
})
