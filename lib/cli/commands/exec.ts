import { NruncError } from '../../errors.ts'
import type { ExecOptions } from '../../options/options.ts'
import type { ProcessSpec } from '../../spec/schema.ts'
import { type Values, camelCase, defineCommand } from '../command.ts'
import { attend, terminalOptions } from '../foreground.ts'
import { readJson } from '../read-json.ts'
import { leaveProcesses, openRuntime } from '../runtime.ts'
import { checkTerminal, stdioFlags, stdioOptions } from '../stdio-options.ts'
import { parseId, parseUser } from '../user.ts'

const processFlags = {
  cwd: { kind: 'text', value: 'PATH', help: 'working directory in the container' },
  env: { kind: 'list', short: 'e', value: 'NAME=VALUE', help: 'add to the environment' },
  user: { kind: 'text', short: 'u', value: 'UID[:GID]', help: 'user and group' },
  'additional-gids': { kind: 'list', short: 'g', value: 'GID', help: 'add a group' },
  cap: { kind: 'list', short: 'c', value: 'CAP', help: 'add a capability to bounding, effective and permitted' },
  'no-new-privs': { kind: 'boolean', help: 'set no_new_privs' },
  apparmor: { kind: 'text', value: 'PROFILE', help: 'AppArmor profile' },
  'process-label': { kind: 'text', value: 'LABEL', help: 'SELinux label' },
} as const

const flags = {
  ...processFlags,
  ...stdioFlags,
  tty: { kind: 'boolean', short: 't', help: 'allocate a terminal' },
  process: { kind: 'text', short: 'p', value: 'FILE', help: 'the whole process as JSON, instead of a command' },
  cgroup: { kind: 'list', value: '[CONTROLLERS:]PATH', help: "an existing cgroup below the container's" },
  'ignore-paused': { kind: 'boolean', help: 'also in a paused container, where the process waits for resume' },
  detach: { kind: 'boolean', short: 'd', help: 'do not wait for the process' },
} as const

const invalid = (message: string) => new NruncError('ERR_OPTION_INVALID', message)

const fromFile = (path: string, values: Values<typeof flags>, args: readonly string[]): ExecOptions => {
  const given: Readonly<Record<string, unknown>> = values
  for (const name of Object.keys(processFlags)) {
    const value = given[camelCase(name)]
    if (value !== undefined) throw invalid(`cannot use --${name} together with --process`)
  }
  if (args.length > 0) throw invalid('cannot use a command together with --process')
  const spec = readJson(path) as ProcessSpec
  return { process: values.tty === undefined ? spec : { ...spec, terminal: values.tty } }
}

const fromFlags = (values: Values<typeof flags>, args: readonly string[]): ExecOptions => {
  if (args.length === 0) throw invalid('process args cannot be empty')
  return {
    args,
    cwd: values.cwd,
    env: values.env,
    user: values.user === undefined ? undefined : parseUser(values.user),
    additionalGids: values.additionalGids?.map((gid) => parseId('gid', gid)),
    capabilities: values.cap,
    noNewPrivileges: values.noNewPrivs,
    apparmorProfile: values.apparmor,
    selinuxLabel: values.processLabel,
    terminal: values.tty ?? false,
  }
}

/**
 * The values of `--cgroup`: one path for all controllers, or `CONTROLLER[,CONTROLLER]:PATH` any number of times.
 *
 * @throws {NruncError} ERR_OPTION_INVALID in runc's words.
 */
const parseCgroups = (values: readonly string[] = []): ExecOptions['cgroup'] => {
  if (values.length === 0) return undefined
  const paths = new Map<string, string>()
  for (const value of values) {
    const colon = value.indexOf(':')
    if (colon < 0 && values.length === 1) return value
    if (colon < 0) throw invalid(`invalid --cgroup argument: ${value} (missing <controller>: prefix)`)
    for (const controller of value.slice(0, colon).split(',')) {
      if (controller === '') throw invalid(`invalid --cgroup argument: ${value} (empty <controller> prefix)`)
      if (paths.has(controller)) {
        throw invalid(`invalid --cgroup argument(s): controller ${controller} specified multiple times`)
      }
      paths.set(controller, value.slice(colon + 1))
    }
  }
  return Object.fromEntries(paths)
}

/** `nrunc exec`: one more process in a running container. */
export const command = defineCommand({
  name: 'exec',
  summary: 'run a command in a running container',
  operands: '<container-id> <command> [arguments]',
  count: [1, Infinity],
  stops: true,
  flags,
  failure: { code: 255, prefix: 'exec failed: ' },
  async run(call) {
    const [id, ...args] = call.operands as [string, ...string[]]
    const { process, detach = false, consoleSocket } = call.flags
    const runtime = await openRuntime(call)
    const container = await runtime.load(id)
    const what = process === undefined ? fromFlags(call.flags, args) : fromFile(process, call.flags, args)
    const terminal = (what.terminal ?? what.process?.terminal) === true
    checkTerminal(terminal, detach, consoleSocket)
    const options: ExecOptions = {
      ...what,
      ...stdioOptions(call.flags, terminal),
      cgroup: parseCgroups(call.flags.cgroup),
      ignorePaused: call.flags.ignorePaused,
    }
    if (detach) {
      await leaveProcesses()
      await container.exec(options)
      return 0
    }
    const own = terminal ? await terminalOptions() : {}
    return (await attend(() => container.exec({ ...options, ...own }))).code
  },
})
