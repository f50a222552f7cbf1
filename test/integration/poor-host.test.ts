/**
 * A host that has not enough: a state root that cannot be written or is full, a full pids cgroup, few descriptors.
 * Whatever the command line says, it leaves nothing, or `delete --force` removes it. Few processes of a user: rootless.test.ts.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { groupRoot, hierarchyOf } from '../helpers/cgroup.ts'
import { useSandbox } from '../helpers/containers.ts'
import { nothingLeft, snapshot } from '../helpers/leftovers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { launcher, runProgram } from '../helpers/cli.ts'

const pids = hierarchyOf('pids')

describeWith([...container, 'cli', 'mountNamespaces'], 'a state root', () => {
  const sandbox = useSandbox()
  /** A script in a mount namespace of its own; `run WORDS` is `nrunc --root ROOT WORDS` and its exit code. */
  const script = (root: string, text: string) => runProgram(['unshare', '-m', 'sh', '-c', `
    run() { "${launcher}" --root "${root}" "$@" 2>> "${root}.err"; echo "$1 $?"; }
    ${text}`])
  const words = (root: string): string => readFileSync(`${root}.err`, 'utf8')
  const newRoot = (): string => {
    const root = join(sandbox.directory, `root-${sandbox.id()}`)
    mkdirSync(root)
    return root
  }

  test('that is read-only: nothing is made, and what is there is neither lost nor half removed', async () => {
    const before = snapshot(sandbox)
    const root = newRoot()
    const one = sandbox.bundle(['sleep', '1000']), other = sandbox.bundle(['sleep', '1000'])
    const { stdout } = await script(root, `
      mount --bind "${root}" "${root}"
      run create -b "${one.bundle}" ${one.id}
      mount -o remount,ro,bind "${root}"
      run create -b "${other.bundle}" ${other.id}
      run state ${one.id} > /dev/null; echo "state $?"
      run start ${one.id}
      run pause ${one.id}
      run update --pids-limit 50 ${one.id}
      run resume ${one.id}
      run delete --force ${one.id}
      mount -o remount,rw,bind "${root}"
      run delete --force ${one.id}
      ls "${root}"`)
    expect(stdout.trim().split('\n')).toEqual([
      'create 0', 'create 1', 'state 0', 'start 1', 'pause 0', 'update 1', 'resume 0', 'delete 1', 'delete 0',
    ])
    expect(words(root)).toMatch(/EROFS|read-only file system/)
    await nothingLeft(sandbox, before)
  })

  test('that is full: an error with its errno, and nothing stays; what is there goes on and can be deleted', async () => {
    const before = snapshot(sandbox)
    const root = newRoot()
    const one = sandbox.bundle(['sleep', '1000']), other = sandbox.bundle(['sleep', '1000'])
    const { stdout } = await script(root, `
      mount -t tmpfs -o size=64k none "${root}"
      run create -b "${one.bundle}" ${one.id}
      dd if=/dev/zero of="${root}/filler" bs=1k 2> /dev/null
      run create -b "${other.bundle}" ${other.id}
      run update --pids-limit 50 ${one.id}
      grep -c '"id"' "${root}/${one.id}/state.json"
      run start ${one.id}
      run exec ${one.id} true
      run delete --force ${one.id}
      ls "${root}"`)
    expect(stdout.trim().split('\n')).toEqual(['create 0', 'create 1', 'update 1', '1', 'start 0', 'exec 0', 'delete 0', 'filler'])
    expect(words(root)).toMatch(/ENOSPC|no space left on device/)
    await nothingLeft(sandbox, before)
  })

  test.each([1, 2, 3, 4, 5, 6, 7])('with %i inodes', async (inodes) => {
    const before = snapshot(sandbox)
    const root = newRoot()
    const { id, bundle } = sandbox.bundle(['sleep', '1000'])
    const { stdout } = await script(root, `
      mount -t tmpfs -o nr_inodes=${inodes} none "${root}"
      run create -b "${bundle}" ${id}
      [ -e "${root}/${id}" ] && run delete --force ${id}
      ls "${root}"`)
    expect(stdout).toMatch(/^create (1\n|0\ndelete 0\n)$/)
    await nothingLeft(sandbox, before)
  })
})

describeWith([...container, 'cli'], 'few', () => {
  const sandbox = useSandbox()

  /** An error with a code, or the end of Node, which needs descriptors and threads itself; or it is there. */
  const check = async (what: string, words: readonly string[], made: readonly string[]): Promise<number | string> => {
    const before = snapshot(sandbox)
    const { id, bundle } = sandbox.bundle(['sleep', '1000'], ({ process }) => { delete process.rlimits })
    const { code, stderr } = await runProgram([...words, ...made, '--root', sandbox.root, '--debug', 'run', '-d', '-b', bundle, id])
    const ofNode = code !== 0 && !stderr.includes('msg="nrunc ')
    if (code === 1 && !ofNode && !/Native stack trace|node:internal/.test(stderr)) expect.soft(stderr, what).toMatch(/\\"code\\":\\"ERR_/)
    if (existsSync(join(sandbox.root, id))) expect(await sandbox.nrunc(['delete', '--force', id]), what).toMatchObject({ code: 0 })
    expect.soft(await nothingLeft(sandbox, before).then(() => '', String), what).toBe('')
    return code
  }

  test('descriptors (RLIMIT_NOFILE)', async () => {
    const codes = []
    for (let limit = 14; limit <= 64; limit += 5) codes.push(await check(`${limit}`, ['sh', '-c', `ulimit -n ${limit} && exec "$@"`, 'sh'], [launcher]))
    expect(codes.at(-1)).toBe(0)
    expect(codes.some((code) => code !== 0)).toBe(true)
  }, 300_000)

  test.skipIf(pids === undefined)(`processes (pids.max)${pids === undefined ? ' (skipped: no hierarchy of cgroup v1 for pids)' : ''}`, async () => {
    const group = join(pids!.path, groupRoot, `${sandbox.prefix}-pids`)
    mkdirSync(group, { recursive: true })
    try {
      const codes = []
      for (let limit = 4; limit <= 20; limit += 2) { // with less, Node does not begin, or does not end
        codes.push(await check(`${limit}`, ['sh', '-c', `echo ${limit} > ${group}/pids.max && echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'], [launcher]))
      }
      expect(codes.at(-1)).toBe(0)
      expect(codes.some((code) => code !== 0)).toBe(true)
    } finally {
      rmdirSync(group)
    }
  }, 300_000)
})
