/**
 * Docker with nrunc as its default runtime, and an image `box` with busybox.
 */
import { expect } from 'vitest'
import { type CliOptions, type CliResult, launcher } from '../helpers/cli.ts'
import { bench } from '../helpers/needs.ts'
import { data, type World } from './world.ts'

/** The programs of a describeClient() for Docker. */
export const programs = ['dockerd', 'docker', 'containerd'] as const

/** Nothing but the runtime, and what a place without network and without systemd takes. */
const configuration = (world: World) => ({
  runtimes: { nrunc: { path: launcher } },
  'default-runtime': 'nrunc',
  'data-root': `${data}/docker`,
  'cgroup-parent': world.group,
  'exec-opts': ['native.cgroupdriver=cgroupfs'],
  bridge: 'none',
  iptables: false,
  'ip-forward': false,
  'ip-masq': false,
  'userland-proxy': false,
})

export class Docker {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Start the daemon and make the image. */
  async start(): Promise<void> {
    await this.#world.write('/etc/docker/daemon.json', JSON.stringify(configuration(this.#world)))
    await this.#world.daemon('dockerd', ['dockerd'], 'docker version')
    await this.#world.shell('tar -C "$1" -c . | docker import - box', bench().rootfs)
  }

  /** `docker WORDS`, whatever its exit code. */
  run(words: readonly string[], options?: CliOptions): Promise<CliResult> {
    return this.#world.run(['docker', ...words], options)
  }

  /** `docker WORDS`, and its standard output. @throws Error when it does not exit with 0 */
  output(words: readonly string[], options?: CliOptions): Promise<string> {
    return this.#world.output(['docker', ...words], options)
  }

  /** `docker run --rm FLAGS box ARGS`: the container's standard output. */
  inside(flags: readonly string[], args: readonly string[]): Promise<string> {
    return this.output(['run', '--rm', '--network', 'none', ...flags, 'box', ...args])
  }

  /** A container in the background; its id. */
  detached(flags: readonly string[], args: readonly string[]): Promise<string> {
    return this.output(['run', '--detach', '--network', 'none', ...flags, 'box', ...args])
  }

  /** A field of `docker inspect`, in Go's template language. */
  inspect(id: string, field: string): Promise<string> {
    return this.output(['inspect', '--format', `{{${field}}}`, id])
  }

  /** Removes all containers: the end of a test. Nothing of them stays with the runtime but the filter, for the next one. */
  async removeAll(): Promise<void> {
    const ids = (await this.output(['ps', '--all', '--quiet'])).split('\n').filter(Boolean)
    if (ids.length > 0) await this.output(['rm', '--force', '--volumes', ...ids])
    expect(await this.#world.shell('ls /run/docker/runtime-*/moby')).toBe('@seccomp')
  }
}
