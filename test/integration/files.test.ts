/**
 * Files of a container, read and written from outside, while the container may be hostile.
 */
import {
  chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync,
  utimesSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Container } from '../../lib/index.ts'
import { rejection, type Sandbox, useSandbox } from '../helpers/containers.ts'
import { leavesNothing } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'

const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD'].map((name) => `CAP_${name}`)

/** /tmp is in memory, and writable by all. */
const withTmp = (spec: Parameters<Sandbox['spec']>[1]) => (given: Parameters<NonNullable<typeof spec>>[0]) => {
  given.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777', 'dev'] })
  spec?.(given)
}

describeWith(container, 'files', () => {
  const sandbox = useSandbox()
  let made: Container
  const run = (change?: Parameters<Sandbox['spec']>[1]) => sandbox.run(['sleep', '1000'], withTmp(change))
  const inside = async (script: string): Promise<string> =>
    (await made.execute({ args: ['sh', '-c', script], stripFinalNewline: false, capabilities })).stdout
  const scratch = (): string => mkdtempSync(join(sandbox.directory, 'files-'))
  beforeEach(async () => { made = await run() })

  describe('readFile', () => {
    test('as bytes and as text', async () => {
      await inside('printf "gr\\303\\274n" > /tmp/a')
      expect(await made.readFile('/tmp/a')).toEqual(Buffer.from('grün'))
      expect(await made.readFile('tmp/a', { encoding: 'utf8' })).toBe('grün')
    })

    test('a text of many bytes, with characters where it is cut', async () => {
      for (const text of ['x' + '😀'.repeat(300_000), 'ü'.repeat(600_000)]) {
        await made.writeFile('/tmp/long', text)
        expect(statSync(`/proc/${made.pid}/root/tmp/long`).size).toBe(Buffer.byteLength(text))
        expect(await made.readFile('/tmp/long', { encoding: 'utf8' }) === text).toBe(true)
        expect(await made.readFile('/tmp/long', { encoding: 'base64' }) === Buffer.from(text).toString('base64')).toBe(true)
      }
    })

    test('of a mount, of a process of its own, of a created container', async () => {
      expect(await made.readFile('/proc/1/cmdline', { encoding: 'utf8' })).toBe('sleep\x001000\x00')
      const created = await sandbox.create(['true'])
      expect(await created.readFile('/etc/passwd', { encoding: 'utf8' })).toContain('/home/user')
    })

    test('a limit, exactly', async () => {
      await inside('printf 123456 > /tmp/a')
      expect(await made.readFile('/tmp/a', { maxBytes: 6, encoding: 'latin1' })).toBe('123456')
      const error = await leavesNothing(sandbox, () => rejection(made.readFile('/tmp/a', { maxBytes: 5 })))
      expect([error.code, error.message]).toEqual(['ERR_FILE', 'cannot read "/tmp/a": it has more than 5 bytes'])
      expect((await rejection(made.readFile('/dev/shm/../../proc/kmsg/../tty/drivers', { maxBytes: 0 }))).code).toBe('ERR_FILE')
    })

    test.each([
      ['/nosuch', 'ENOENT', 'no such file or directory'], ['/tmp', undefined, 'not a regular file'],
      ['/dev/zero', undefined, 'not a regular file'], ['/tmp/fifo', undefined, 'not a regular file'],
      ['/tmp/loop', 'ELOOP', 'too many levels of symbolic links'], ['/etc/passwd/x', 'ENOTDIR', 'not a directory'],
      ['', undefined, 'not a path'], ['/tmp/a\0b', undefined, 'not a path'], ['/proc/1/exe', 'ELOOP', 'too many levels of symbolic links'],
    ])('%j is refused', async (path, errno, words) => {
      await inside('mkfifo /tmp/fifo; ln -s loop /tmp/loop')
      const error = await leavesNothing(sandbox, () => rejection(made.readFile(path)))
      expect(error).toMatchObject({ code: 'ERR_FILE', errno, operand: path, message: `cannot read ${JSON.stringify(path)}: ${words}` })
    })

    test('as a stream', async () => {
      await inside('head -c 3000000 /dev/zero > /tmp/a')
      expect(await text(await made.readStream('/tmp/a'))).toHaveLength(3000000)
      expect((await rejection(made.readStream('/nosuch'))).errno).toBe('ENOENT')
    })

    test('a wrong option', async () => {
      expect((await rejection(made.readFile('/etc/passwd', { enc: 'utf8' } as never))).operand).toBe('enc')
      expect((await rejection(made.readFile('/etc/passwd', { encoding: 'utf9' as never }))).operand).toBe('encoding')
    })

    test('of a container that has ended', async () => {
      await made.kill('SIGKILL')
      await made.wait()
      expect((await leavesNothing(sandbox, () => rejection(made.readFile('/etc/passwd')))).code).toBe('ERR_STATUS')
    })
  })

  describe('writeFile', () => {
    test.each([
      ['text', 'grün\n'], ['bytes', Buffer.from('grün\n')], ['a stream', Readable.from(['gr', 'ün\n'])],
      ['a generator', (async function* () { yield 'grün'; yield Buffer.from('\n') })()],
    ])('%s', async (_, data) => {
      await leavesNothing(sandbox, () => made.writeFile('/tmp/a', data))
      expect(await inside('cat /tmp/a; stat -c "%a %u %g" /tmp/a; ls -A /tmp')).toBe('grün\n644 0 0\na\n')
    })

    test('what is no data, or no path', async () => {
      for (const data of [undefined, 5, null, {}, ['a']]) {
        const error = await leavesNothing(sandbox, () => rejection(made.writeFile('/tmp/a', data as never)))
        expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', 'data must be text, bytes or a stream of them'])
      }
      for (const path of [undefined, 5] as never[]) {
        expect((await rejection(made.writeFile(path, ''))).message).toMatch(/^cannot write .*: not a path$/)
        expect((await rejection(made.readFile(path))).message).toMatch(/^cannot read .*: not a path$/)
        expect((await rejection(made.copyIn(path, '/tmp/a'))).message).toBe('source must be a string without zero bytes')
        expect((await rejection(made.copyOut('/tmp/a', path))).message).toBe('destination must be a string without zero bytes')
      }
      for (const path of ['/tmp/a\0b', '/tmp\0/a']) {
        const calls = [() => made.writeFile(path, 'x'), () => made.copyIn('/etc/hostname', path), () => made.copyOut(path, join(scratch(), 'a'))]
        for (const call of calls) expect((await rejection(call())).message).toMatch(/^cannot (write|copy to|copy) .*: not a path$/)
      }
      expect(await inside('ls -A /tmp')).toBe('')
    })

    test('mode and owner', async () => {
      await made.writeFile('/tmp/a', '', { mode: 0o4750, owner: { uid: 1000, gid: 5 } })
      expect(await inside('stat -c "%a %u %g" /tmp/a')).toBe('4750 1000 5\n')
    })

    test('replaces a link and does not follow it', async () => {
      await inside('echo old > /tmp/target; ln -s target /tmp/a')
      await made.writeFile('/tmp/a', 'new\n')
      expect(await inside('cat /tmp/target /tmp/a; [ -L /tmp/a ] || echo file')).toBe('old\nnew\nfile\n')
    })

    test('a source that fails leaves what was there', async () => {
      await inside('echo old > /tmp/a')
      const reason = new Error('broken')
      const data = (async function* () { yield 'new'; throw reason })()
      await expect(made.writeFile('/tmp/a', data)).rejects.toBe(reason)
      expect(await inside('cat /tmp/a; ls -A /tmp')).toBe('old\na\n')
    })

    test.each([['/', 'it has no name of its own'], ['/tmp/..', 'it has no name of its own'], ['/nosuch/a', 'no such file or directory'],
      ['/bin/a', 'read-only file system'], ['/dev', 'read-only file system'], ['/tmp/dir', 'is a directory']])('%s: %s', async (path, words) => {
      await inside('mkdir /tmp/dir')
      const error = await leavesNothing(sandbox, () => rejection(made.writeFile(path, 'x')))
      expect([error.code, error.message]).toEqual(['ERR_FILE', `cannot write ${JSON.stringify(path)}: ${words}`])
      expect(await inside('ls -A /tmp')).toBe('dir\n')
    })
  })

  describe('owners in a user namespace', () => {
    beforeEach(async () => {
      made = await run((spec) => {
        spec.linux.namespaces.push({ type: 'user' })
        spec.linux.uidMappings = [{ containerID: 0, hostID: 200000, size: 1000 }, { containerID: 5000, hostID: 300000, size: 10 }]
        spec.linux.gidMappings = [{ containerID: 0, hostID: 400000, size: 1000 }]
      })
    })

    test('are those of the container', async () => {
      await made.writeFile('/tmp/a', '')
      await made.writeFile('/tmp/b', '', { owner: { uid: 5003, gid: 7 } })
      expect(await inside('stat -c "%u %g" /tmp/a /tmp/b')).toBe('0 0\n5003 7\n')
    })

    test('also those that are not numbers of 31 bits on the host', async () => {
      made = await run((spec) => {
        spec.linux.namespaces.push({ type: 'user' })
        spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 3_000_000_000, size: 1000 }]
      })
      await made.writeFile('/tmp/a', '', { owner: { uid: 3, gid: 4 } })
      expect(await inside('stat -c "%u %g" /tmp/a')).toBe('3 4\n')
    })

    test('that it does not have are refused', async () => {
      const error = await leavesNothing(sandbox, () => rejection(made.writeFile('/tmp/a', '', { owner: { uid: 1000, gid: 0 } })))
      expect([error.code, error.message]).toEqual(['ERR_OPTION_INVALID', 'the container has no uid 1000'])
    })

    test('come out as the container sees them', async () => {
      await made.writeFile('/tmp/a', '', { owner: { uid: 5003, gid: 7 } })
      const directory = scratch()
      await made.copyOut('/tmp/a', join(directory, 'a'), { owner: 'keep' })
      expect(statSync(join(directory, 'a'))).toMatchObject({ uid: 5003, gid: 7 })
    })
  })

  describe('copyIn', () => {
    function tree(): string {
      const directory = scratch()
      mkdirSync(join(directory, 'sub'))
      writeFileSync(join(directory, 'sub/file'), 'content\n')
      chmodSync(join(directory, 'sub'), 0o710)
      symlinkSync('/etc/shadow', join(directory, 'link'))
      writeFileSync(Buffer.from(`${directory}/\xff`, 'latin1'), '')
      chownSync(join(directory, 'sub/file'), 12, 34)
      chmodSync(join(directory, 'sub/file'), 0o4711)
      utimesSync(join(directory, 'sub/file'), 1000, 2000)
      return directory
    }

    test('a directory with its modes, times and links', async () => {
      await leavesNothing(sandbox, () => made.copyIn(tree(), '/tmp/tree'))
      expect(await inside('cd /tmp/tree; stat -c "%n %a %u %g" sub sub/file; stat -c %Y sub/file; readlink link; cat sub/file; ls | wc -l'))
        .toBe('sub 710 0 0\nsub/file 4711 0 0\n2000\n/etc/shadow\ncontent\n3\n')
    })

    test('owners: one for all, or as they are', async () => {
      const source = tree()
      await made.copyIn(source, '/tmp/one', { owner: { uid: 1000, gid: 1001 } })
      await made.copyIn(source, '/tmp/keep', { owner: 'keep' })
      expect(await inside('stat -c "%u %g" /tmp/one/link /tmp/one/sub/file /tmp/keep/sub/file')).toBe('1000 1001\n1000 1001\n12 34\n')
    })

    test('a directory that is there is added to, and keeps its mode', async () => {
      await inside('mkdir -m 700 /tmp/tree; echo old > /tmp/tree/old; ln -s /nosuch /tmp/tree/link; mkdir -m 701 /tmp/tree/sub')
      await made.copyIn(tree(), '/tmp/tree')
      expect(await inside('cd /tmp/tree; stat -c %a . sub; cat old; readlink link')).toBe('700\n701\nold\n/etc/shadow\n')
    })

    test('one file; a file does not replace a directory', async () => {
      await inside('mkdir /tmp/a')
      const error = await rejection(made.copyIn(join(tree(), 'sub/file'), '/tmp/a'))
      expect([error.code, error.errno]).toEqual(['ERR_FILE', 'EISDIR'])
      await made.copyIn(join(tree(), 'sub/file'), '/tmp/b')
      expect(await inside('cat /tmp/b')).toBe('content\n')
    })

    test('a link in the place of a directory is not followed', async () => {
      await inside('mkdir /tmp/victim /tmp/tree; ln -s /tmp/victim /tmp/tree/sub')
      const error = await rejection(made.copyIn(tree(), '/tmp/tree'))
      expect([error.code, error.errno, error.operand]).toEqual(['ERR_FILE', 'ENOTDIR', expect.stringMatching(/\/sub$/)])
      expect(await inside('ls /tmp/victim')).toBe('')
    })

    test('what does not exist', async () => {
      expect((await rejection(made.copyIn('/nosuch/file', '/tmp/a')))).toMatchObject({ code: 'ERR_FILE', errno: 'ENOENT', operand: '/nosuch/file' })
    })
  })

  describe('copyOut', () => {
    test('a directory: links stay links, set-user-ID does not stay, the owner is the caller', async () => {
      await inside('mkdir -m 2750 /tmp/t; echo x > /tmp/t/f; chown 1000 /tmp/t/f; chmod 6755 /tmp/t/f; ln -s /etc/shadow /tmp/t/l; printf y > "/tmp/t/$(printf "\\377")"')
      const directory = scratch()
      await leavesNothing(sandbox, () => made.copyOut('/tmp/t', join(directory, 't')))
      const modes = ['t', 't/f'].map((name) => lstatSync(join(directory, name))).map(({ mode, uid }) => [(mode & 0o7777).toString(8), uid])
      expect(modes).toEqual([['750', 0], ['755', 0]])
      expect(readlinkSync(join(directory, 't/l'))).toBe('/etc/shadow')
      expect(readdirSync(join(directory, 't'), { encoding: 'latin1' }).sort()).toEqual(['f', 'l', '\xff'])
    })

    test('a link on the host in the place of a directory is not followed', async () => {
      await inside('mkdir -p /tmp/t/sub; echo x > /tmp/t/sub/f')
      const [directory, victim] = [scratch(), scratch()]
      symlinkSync(victim, join(directory, 'sub'))
      expect((await rejection(made.copyOut('/tmp/t', directory))).errno).toBe('ENOTDIR')
      expect(readdirSync(victim)).toEqual([])
    })

    test.each([
      ['maxBytes', { maxBytes: 10 }, 'there are more bytes than maxBytes allows'],
      ['maxEntries', { maxEntries: 3 }, 'there are more entries than maxEntries allows'],
    ])('%s', async (_, options, words) => {
      await inside('mkdir /tmp/t; for i in 1 2 3; do echo 12345 > /tmp/t/$i; done')
      const error = await leavesNothing(sandbox, () => rejection(made.copyOut('/tmp/t', join(scratch(), 't'), options)))
      expect([error.code, error.message]).toEqual(['ERR_FILE', expect.stringContaining(words)])
    })

    test('a file without an end does not fill the disk', async () => {
      await inside('truncate -s 100G /tmp/sparse')
      const error = await rejection(made.copyOut('/tmp/sparse', join(scratch(), 'f'), { maxBytes: 1_000_000 }))
      expect(error.message).toContain('maxBytes')
    })

    test('directories without an end do not use up the descriptors', async () => {
      await inside('cd /tmp; for i in $(seq 300); do mkdir d; cd d; done')
      const error = await leavesNothing(sandbox, () => rejection(made.copyOut('/tmp/d', join(scratch(), 'd'))))
      expect(error.message).toContain('more than 200 directories deep')
    })

    test.each(['/tmp/fifo', '/tmp/null', '/tmp'])('%s has what is neither file, directory nor link', async (path) => {
      await inside('mkfifo /tmp/fifo; mknod /tmp/null c 1 3')
      const error = await leavesNothing(sandbox, () => rejection(made.copyOut(path, join(scratch(), 'x'))))
      expect(error.message).toContain('neither file, directory nor symbolic link')
    })

    test('an abort', async () => {
      const error = await rejection(made.copyOut('/bin', join(scratch(), 'bin'), { signal: AbortSignal.abort() }))
      expect(error.code).toBe('ERR_ABORTED')
    })
  })

  describe('a hostile container', () => {
    test('its absolute links and .. stay inside (class of CVE-2018-15664)', async () => {
      const outside = scratch()
      writeFileSync(join(outside, 'secret'), 'host')
      await inside(`ln -s ${outside} /tmp/absolute; ln -s ../../../../../..${outside} /tmp/relative; ln -s /proc/self/root${outside} /tmp/magic`)
      for (const name of ['absolute', 'relative', 'magic']) {
        expect((await rejection(made.readFile(`/tmp/${name}/secret`))).code).toBe('ERR_FILE')
        expect((await rejection(made.writeFile(`/tmp/${name}/new`, 'x'))).code).toBe('ERR_FILE')
        expect((await rejection(made.copyIn(outside, `/tmp/${name}/new`))).code).toBe('ERR_FILE')
        expect((await rejection(made.copyOut(`/tmp/${name}/secret`, join(scratch(), 'x')))).code).toBe('ERR_FILE')
      }
      expect(readdirSync(outside)).toEqual(['secret'])
    })

    test('a link swapped in for a directory, again and again', async () => {
      const outside = scratch()
      writeFileSync(join(outside, 'file'), 'host')
      // The real directory and the link change places while files go in and out.
      await inside(`mkdir /tmp/d /tmp/here; echo guest > /tmp/d/file; ln -s ${outside} /tmp/l`)
      const racing = await made.exec({ args: ['sh', '-c', 'cd /tmp; while :; do mv d x; mv l d; mv d l; mv x d; done'], stdin: 'ignore' })
      const seen = new Set<string>()
      const tree = scratch()
      for (let round = 0; round < 300 || (round < 20_000 && !seen.has('guest\n')); round++) {
        const count = [
          made.readFile('/tmp/d/file', { encoding: 'latin1' }), made.writeFile('/tmp/d/new', 'x'),
          made.copyOut('/tmp/d/file', join(tree, 'out')), made.copyIn(outside, '/tmp/d/in'),
        ]
        for (const { status, value, reason } of (await Promise.allSettled(count)) as { status: string, value?: unknown, reason?: { code: string } }[]) {
          seen.add(status === 'rejected' ? reason!.code : String(value))
        }
      }
      await racing[Symbol.asyncDispose]()
      expect(seen).toContain('guest\n')
      expect(seen).not.toContain('host')
      expect([...seen].filter((one) => !['guest\n', 'undefined', 'ERR_FILE'].includes(one))).toEqual([])
      expect(readdirSync(outside)).toEqual(['file'])
      expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('host')
    })

    test('its devices are not opened', async () => {
      await inside('mknod /tmp/a c 1 5')
      expect((await rejection(made.readFile('/tmp/a'))).message).toContain('not a regular file')
      expect(existsSync('/tmp/a')).toBe(false)
    })
  })
})
