/**
 * A place for one client of the runtime, and its daemons: mount, network and pid namespaces of its own, with /run, /var/lib,
 * /var/tmp and /dev/shm of its own and changes to /etc that nobody else sees. No network but its loopback. When its first
 * process ends, everything in it ends, and all that was mounted or written is gone; only cgroups remain, which are removed
 * by their name.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { groupRoot, hierarchyOf, removeCgroups } from '../helpers/cgroup.ts'
import { type CliOptions, type CliResult, runProgram } from '../helpers/cli.ts'
import { childrenOf } from '../helpers/host.ts'
import { bench, container, reasonsAgainst } from '../helpers/needs.ts'
import { Pty } from '../helpers/pty.ts'

/** Directory for data of clients, in the world only. */
export const data = '/run/data'

/**
 * The shell reaps what the daemons leave, until the process that made the world closes the pipe or is gone. An overlay
 * needs nothing to be copied; where there is none, /etc is.
 */
const setUp = `
set -e
for directory in /run /var/lib /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs $directory; done
mkdir -p ${data} /run/lock /run/up /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/up,workdir=/run/work overlay /etc 2> /dev/null || {
  cp -a /etc /run/etc
  mount --bind /run/etc /etc
}
chmod 755 /run /var/lib /etc
busybox ip link set lo up
echo ready
exec 3<&0
cat <&3 > /dev/null & wait $!
`

export class World {
  /** Begins the names of this world's cgroups. */
  readonly prefix = `${bench().run}${randomBytes(2).toString('hex')}`
  /** The cgroup above those of its containers, as a client names it. */
  readonly group = join(groupRoot, this.prefix)
  #holder: ChildProcess | undefined
  #enter: string[] = []

  async open(): Promise<void> {
    const words = ['-m', '-n', '-p', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'sh', '-c', setUp]
    const holder = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#holder = holder
    let said = ''
    await new Promise<void>((resolve, reject) => {
      holder.stderr.on('data', (text: Buffer) => { said += String(text) })
      holder.stdout.once('data', () => resolve())
      holder.once('exit', (code) => reject(new Error(`a world for a client cannot be made: exit code ${code}: ${said}`)))
    })
    const [first] = childrenOf(holder.pid!)
    // What is written to the working directory (conmon's file `oom`) stays in the world.
    this.#enter = ['nsenter', '-t', String(first), '-m', '-n', '-p', '--', 'sh', '-c', 'cd /run && exec "$@"', 'sh']
  }

  async close(): Promise<void> {
    const holder = this.#holder
    if (holder !== undefined && holder.exitCode === null) {
      const gone = new Promise((resolve) => holder.once('exit', resolve))
      const [first] = childrenOf(holder.pid!)
      // The init of the pid namespace: the kernel ends all that is in it before it can be waited for.
      if (first !== undefined) process.kill(first, 'SIGKILL')
      await gone
    }
    removeCgroups(this.prefix)
  }

  /** Run a command in the world to its end. */
  run(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return runProgram(words, { ...options, through: this.#enter })
  }

  /** The same, and its standard output. @throws Error when it does not exit with 0 */
  async output(words: readonly string[], options: CliOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(words, options)
    if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}: ${stderr}${stdout}`)
    return stdout.trim()
  }

  /** Run a shell script in the world. */
  shell(script: string, ...words: readonly string[]): Promise<string> {
    return this.output(['sh', '-ec', script, 'sh', ...words])
  }

  /** Start a program that stays, with its output in `/run/NAME.log`, and wait until TEST, a shell command, succeeds. */
  async daemon(name: string, words: readonly string[], test: string): Promise<void> {
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
    await this.shell(`
      nohup ${quoted} > /run/${name}.log 2>&1 < /dev/null & pid=$!
      until ${test} > /dev/null 2>&1; do
        kill -0 $pid 2> /dev/null || { cat /run/${name}.log; exit 1; } >&2
        sleep 0.1
      done`)
  }

  /** A command of the world on a terminal. */
  terminal(words: readonly string[]): Pty {
    return Pty.open([...this.#enter, ...words])
  }

  write(path: string, text: string): Promise<string> {
    return this.output(['sh', '-ec', 'mkdir -p "$(dirname "$0")"; cat > "$0"', path], { input: text })
  }

  /** Content of a file in the cgroup PATH below {@link group}, by its name on either version. */
  cgroupFile(path: string, controller: string, names: { readonly v1: string, readonly v2: string }): string {
    const hierarchy = hierarchyOf(controller)
    if (hierarchy === undefined) throw new Error(`no hierarchy has the controller ${controller}`)
    return readFileSync(join(hierarchy.path, this.group, path, hierarchy.version === 2 ? names.v2 : names.v1), 'utf8').trimEnd()
  }
}

/** Whether a program is installed. */
const installed = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/sbin').some((directory) => {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return existsSync(path)
    } catch {
      return false
    }
  })

/** Programs and the packages of Debian that have them. */
const packages = {
  dockerd: 'docker.io', docker: 'docker.io or docker-cli', containerd: 'containerd', ctr: 'containerd', podman: 'podman', conmon: 'conmon', buildah: 'buildah',
} as const

/**
 * `describe` for the tests of a client in a world of its own. Without its programs they are skipped; the reason is
 * printed, and in the name.
 */
export function describeClient(programs: readonly (keyof typeof packages)[], name: string, body: (world: World) => void): void {
  const reasons = [
    ...reasonsAgainst([...container, 'cli', 'mountNamespaces', 'compiler']),
    ...programs.filter((program) => !installed(program)).map((program) => `no ${program} (Debian: ${packages[program]})`),
  ]
  if (reasons.length === 0 && spawnSync('unshare', ['-m', '-n', '-p', '--fork', 'true']).status !== 0) reasons.push('no namespaces')
  if (reasons.length > 0) {
    console.warn(`skipped: ${name}: ${reasons.join('; ')}`)
    describe.skip(`${name} (skipped: ${reasons.join('; ')})`, () => body(new World()))
    return
  }
  describe(name, () => {
    const world = new World()
    beforeAll(() => world.open())
    afterAll(() => world.close())
    body(world)
  })
}
