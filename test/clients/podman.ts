/**
 * Podman with nrunc as its runtime, in Podman's own configuration file, and an image `box` with busybox.
 */
import { expect } from 'vitest'
import { type CliOptions, type CliResult, launcher } from '../helpers/cli.ts'
import { bench } from '../helpers/needs.ts'
import { data, type World } from './world.ts'

/** The programs of a describeClient() for Podman. */
export const programs = ['podman', 'conmon'] as const

/** The runtime; and no systemd, no network, and limits that may be set without CAP_SYS_RESOURCE, too. */
const configuration = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
netns = "none"
[engine]
runtime = "nrunc"
runtime_supports_json = ["nrunc"]
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
nrunc = ["${launcher}"]
`

const storage = (driver: string) => `
[storage]
driver = "${driver}"
graphroot = "${data}/storage"
runroot = "/run/storage"
`

export class Podman {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Write the configuration and make the image. */
  async start(): Promise<void> {
    const { code } = await this.#world.run(['sh', '-ec', `
      mkdir -p ${data}/try/lower ${data}/try/up ${data}/try/work ${data}/try/merged; cd ${data}/try
      mount -t overlay -o lowerdir=lower,upperdir=up,workdir=work overlay merged; umount merged`])
    await this.#world.write('/etc/containers/storage.conf', storage(code === 0 ? 'overlay' : 'vfs'))
    await this.#world.write('/etc/containers/containers.conf', configuration)
    await this.#world.shell('tar -C "$1" -c . | podman import --quiet - box', bench().rootfs)
  }

  /** `podman WORDS`, whatever its exit code. */
  run(words: readonly string[], options?: CliOptions): Promise<CliResult> {
    return this.#world.run(['podman', ...words], options)
  }

  /** `podman WORDS`, and its standard output. @throws Error when it does not exit with 0 */
  output(words: readonly string[], options?: CliOptions): Promise<string> {
    return this.#world.output(['podman', ...words], options)
  }

  /** The first words of `podman run` or `create`, with the cgroups of this world. */
  begin(command: 'run' | 'create', ...flags: readonly string[]): string[] {
    return [command, '--cgroup-parent', this.#world.group, ...flags]
  }

  /** `podman run --rm FLAGS box ARGS`: the container's standard output. */
  inside(flags: readonly string[], args: readonly string[]): Promise<string> {
    return this.output([...this.begin('run', '--rm', ...flags), 'box', ...args])
  }

  /** A container in the background; its id. */
  detached(flags: readonly string[], args: readonly string[]): Promise<string> {
    return this.output([...this.begin('run', '--detach', ...flags), 'box', ...args])
  }

  /** A field of `podman inspect`, in Go's template language. */
  inspect(id: string, field: string): Promise<string> {
    return this.output(['inspect', '--format', `{{${field}}}`, id])
  }

  /** Ids of the containers that nrunc has: without the directory of compiled filters, which stays for the next one. */
  kept(): Promise<string> {
    return this.#world.shell('ls -I @seccomp /run/nrunc')
  }

  /** Removes all containers: the end of a test. Nothing of them stays with the runtime. */
  async removeAll(): Promise<void> {
    const remove = () => this.output(['rm', '--all', '--force', '--time', '0', '--volumes'])
    // Podman's own process, which conmon calls at a container's end, may be unmounting what this one removes.
    await remove().catch((error: Error) => {
      if (!/device or resource busy/.test(error.message)) throw error
      return remove()
    })
    expect(await this.kept()).toBe('')
  }
}
