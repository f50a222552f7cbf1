/**
 * Images built with nrunc: `buildah run`, `buildah build`, `podman build`.
 */
import { beforeAll, expect, test } from 'vitest'
import { launcher } from '../helpers/cli.ts'
import { Podman, programs } from './podman.ts'
import { describeClient, type World } from './world.ts'

/** Each RUN is a container; the last one shows what the others left. */
const containerfile = `
FROM box
RUN echo one > /one && id -u > /user
ENV TWO=two
WORKDIR /work
RUN ["sh", "-c", "echo $TWO > two"]
USER 1000
RUN cat /one /user /work/two && id -u && pwd && grep CapEff /proc/self/status
`
const shown = /^one\n0\ntwo\n1000\n\/work\nCapEff:\t0000000000000000$/m

const writeFile = (world: World) => world.write('/run/context/Containerfile', containerfile)

describeClient(['buildah', ...programs], 'buildah', (world) => {
  // The image comes from Podman, which has the same storage.
  beforeAll(async () => {
    await new Podman(world).start()
    await writeFile(world)
  })
  const buildah = (...words: string[]) => world.output(['buildah', ...words])

  test('run: streams, exit code, user, a mount', async () => {
    const from = await buildah('from', '--network', 'none', '--cgroup-parent', world.group, 'box')
    const run = (...words: string[]) => ['buildah', 'run', '--runtime', launcher, '--isolation', 'oci', ...words]
    expect(await world.run(run(from, '--', 'sh', '-c', 'echo out; echo err >&2'))).toMatchObject({ code: 0, stdout: 'out\n', stderr: 'err\n' })
    expect(await world.run(run(from, '--', 'sh', '-c', 'exit 7'))).toMatchObject({ code: 7 })
    expect(await world.output(run('--user', '1000', '-v', '/etc:/mnt:ro', from, '--', 'sh', '-c', 'id -u; ls -d /mnt/passwd'))).toBe('1000\n/mnt/passwd')
    const pty = world.terminal(run('-t', from, '--', 'sh', '-c', 'tty; exit 4'))
    await pty.shows(/\/dev\/pts\/0\r+\n/) // the program may write before buildah has set the terminal
    expect(await pty.ended).toBe(4)
    await buildah('rm', from)
    expect(await world.shell('ls -I @seccomp /run/nrunc')).toBe('')
  })

  test('from scratch', async () => {
    const from = await buildah('from', '--network', 'none', '--cgroup-parent', world.group, 'scratch')
    await buildah('copy', from, '/bin/busybox', '/bin/busybox')
    expect(await buildah('run', '--runtime', launcher, '--isolation', 'oci', from, '--', '/bin/busybox', 'echo', 'alone')).toBe('alone')
    await buildah('rm', from)
  })

  test('build', async () => {
    const words = ['bud', '--runtime', launcher, '--isolation', 'oci', '--network', 'none', '--cgroup-parent', world.group, '--tag', 'built', '/run/context']
    expect(await buildah(...words)).toMatch(shown)
    await world.write('/run/bad/Containerfile', 'FROM box\nRUN exit 5\n')
    const bad = await world.run(['buildah', ...words.slice(0, -1), '/run/bad'])
    expect(bad.code).not.toBe(0)
    expect(bad.stderr).toContain('exit status 5')
  })
})

describeClient(programs, 'podman build', (world) => {
  const podman = new Podman(world)
  beforeAll(async () => {
    await podman.start()
    await writeFile(world)
  })

  test('an image, and a container of it', async () => {
    const words = ['build', '--isolation', 'oci', '--network', 'none', '--cgroup-parent', world.group, '--tag', 'built', '/run/context']
    expect(await podman.output(words)).toMatch(shown)
    expect(await podman.output([...podman.begin('run', '--rm'), 'built', 'cat', '/one', '/work/two'])).toBe('one\ntwo')
    await podman.removeAll()
  })
})
