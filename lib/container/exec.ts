/**
 * Adding a process to a container.
 */
import { existsSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { cgroupHost } from '../cgroup/detect.ts'
import { joinableCgroups, subCgroups } from '../cgroup/exec.ts'
import { releaseKilled } from '../cgroup/freeze.ts'
import type { CgroupPaths } from '../cgroup/layout.ts'
import { Deadline, deadlineNames } from '../options/deadline.ts'
import { NruncError } from '../errors.ts'
import { hostFacts } from '../bundle/facts.ts'
import { Child } from '../native/child.ts'
import { hostError, orElse } from '../native/refused.ts'
import { checkOptions, type ExecOptions, stdioNames } from '../options/options.ts'
import { compileExec } from '../plan/exec.ts'
import { encodePlan } from '../plan/template.ts'
import { namespaceFiles } from '../plan/namespaces.ts'
import { ContainerProcess, removePidFile, takeTerminal, writePidFile } from './process.ts'
import { cachedProgram } from '../seccomp/cache.ts'
import { Listener } from '../seccomp/listener.ts'
import type { SeccompHandler } from '../seccomp/notify.ts'
import { capabilityNames } from '../spec/names.ts'
import { warnOfCapabilities } from '../bundle/capabilities.ts'
import { groupsDenied, keepOriginalGroups } from '../plan/identity.ts'
import { findNamespace } from '../spec/namespaces.ts'
import type { Capabilities, NamespaceType, ProcessSpec, Spec } from '../spec/schema.ts'
import { validateProcess } from '../spec/validate.ts'
import type { StateFile } from '../state/file.ts'
import { describeState } from '../state/describe.ts'
import { isAlive, statusOf } from '../state/status.ts'
import { connectSockets } from '../streams/socket.ts'
import { Descriptors } from '../streams/stdio.ts'
import type { Terminal } from '../streams/terminal.ts'
import { nextTurn } from '../turns.ts'

const SIGKILL = 9

const processNames = ['args', 'env', 'cwd', 'user', 'additionalGids', 'terminal', 'capabilities', 'noNewPrivileges', 'apparmorProfile', 'selinuxLabel']
const execOptions = new Set([...stdioNames, ...processNames, ...deadlineNames, 'process', 'cgroup', 'ignorePaused', 'seccompNotify'])

/** @throws NruncError ERR_OPTION_INVALID for what is unknown, and for a whole process with parts of one beside it */
export function checkExecOptions(options: ExecOptions): void {
  checkOptions(options, execOptions)
  const given = processNames.find((name) => options[name as 'args'] !== undefined)
  if (options.process === undefined || given === undefined) return
  throw new NruncError('ERR_OPTION_INVALID', `cannot use ${given} together with a whole process`, { operand: given })
}

/** HANDLER: who answers for the container's own process, where it is a function of this process. */
export async function executeInContainer(
  directory: string, state: StateFile, options: ExecOptions, handler?: SeccompHandler,
): Promise<ContainerProcess> {
  checkExecOptions(options)
  const status = statusOf(directory, state)
  if (status === 'stopped') throw new NruncError('ERR_STATUS', 'cannot exec in a stopped container', { operand: state.id })
  if (status === 'paused' && !options.ignorePaused) throw new NruncError('ERR_STATUS', 'cannot exec in a paused container (use --ignore-paused to override)', { operand: state.id })

  const process = validateProcess(execProcess(state.config, options))
  const cgroupPaths = options.cgroup === undefined
    ? joinableCgroups(state.cgroup_paths, state.init_process_pid, () => cgroupHost().unified)
    : subCgroups(state.cgroup_paths, options.cgroup)
  const listener = Listener.of(state.config, options.seccompNotify ?? handler)
  const wanted = process.terminal ?? false
  warnOfCapabilities(process)
  const deadline = Deadline.from(options)
  let descriptors: Descriptors | undefined
  let child: Child | undefined
  let terminal: Terminal | null = null
  let pidFile: string | undefined
  try {
    await nextTurn()
    descriptors = new Descriptors(options, wanted, await connectSockets(options, wanted, deadline))
    deadline?.check()
    deadline?.onExpire(() => kill(child, state))
    const host = hostFacts()
    const attached = state.systemd?.manager === 'user'
    child = new Child(encodePlan(compileExec(process, {
      id: state.id, host, cgroupPaths, attached, namespaces: foreignNamespaces(state),
      rootfs: findNamespace(state.config, 'mount') === undefined ? state.rootfs : undefined,
      linux: state.config.linux, resctrl: resctrlGroups(state),
      compileFilter: (profile) => cachedProgram(dirname(directory), profile),
      groupsDenied: groupsDenied(state.config, host), keepGroups: keepOriginalGroups(state.config.annotations), noNewKeyring: state.no_new_keyring,
      descriptors: descriptors.given,
    })), descriptors.list)
    const delivered = listener?.deliver(child, () => describeState(directory, state, 'running'), deadline)
    await child.spawned
    deadline?.check()
    requireAlive(state) // by now the namespaces are open: were they init's?
    if (attached) await enterScope(child, state, cgroupPaths)
    child.continue()
    await child.created
    terminal = await takeTerminal(child, wanted && options.consoleSocket === undefined)
    descriptors.handOver()
    writePidFile(options.pidFile, child.pid)
    pidFile = options.pidFile
    await Promise.all([child.executed, delivered])
    return new ContainerProcess(child, descriptors, terminal, deadline)
  } catch (error) {
    deadline?.clear()
    descriptors?.abandon()
    terminal?.destroy()
    if (deadline?.cause !== undefined) kill(child, state)
    await endChild(child)
    removePidFile(pidFile)
    throw deadline?.cause === undefined ? hostError(error) : deadline.error()
  }
}

/** Also in a paused container. */
function kill(child: Child | undefined, { cgroup_paths: paths }: StateFile): void {
  if (child === undefined || child.ended) return
  child.signal(SIGKILL)
  releaseKilled(paths, child.pid)
}

/** systemd moves the process, which waits: a user's own cgroup and the scope may have no parent that the user may write to. */
async function enterScope(child: Child, { systemd, cgroup_paths: own }: StateFile, wanted: CgroupPaths): Promise<void> {
  const { attachToScope } = await import('../cgroup/systemd/driver.ts')
  const [top = '', path = ''] = [own[''], wanted['']]
  await attachToScope(systemd!, path.startsWith(`${top}/`) ? path.slice(top.length) : '', child.pid)
  child.continue()
}

/** Nothing of a process that could not be made stays: no process, no zombie, no terminal. */
export async function endChild(child: Child | undefined): Promise<void> {
  if (child === undefined) return
  await child.destroy()
}

/** The process of the container, changed by what the options say; its own limits and rights where they say nothing. */
function execProcess(spec: Spec, options: ExecOptions): ProcessSpec {
  const own = spec.process
  if (options.process !== undefined) return inheritLimits(options.process, own)
  if (own === undefined) throw new NruncError('ERR_OPTION_INVALID', 'the container has no process to take defaults from: give a whole process')
  const { user } = options
  if (user !== undefined) requireId('user.uid', user.uid)
  if (user?.gid !== undefined) requireId('user.gid', user.gid)
  for (const gid of options.additionalGids ?? []) requireId('additionalGids', gid)
  return {
    ...own,
    args: [...options.args ?? []],
    env: [...own.env ?? [], ...options.env ?? []],
    cwd: options.cwd ?? own.cwd,
    terminal: options.terminal ?? false,
    user: {
      ...own.user,
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid ?? own.user.gid }),
      additionalGids: [...own.user.additionalGids ?? [], ...options.additionalGids ?? []],
    },
    noNewPrivileges: options.noNewPrivileges ?? own.noNewPrivileges,
    apparmorProfile: options.apparmorProfile ?? own.apparmorProfile,
    selinuxLabel: options.selinuxLabel ?? own.selinuxLabel,
    capabilities: addCapabilities(own.capabilities ?? {}, options.capabilities ?? []),
  }
}

/** What is no id would become one on its way to the kernel: undefined root, and -1 "no change" (class of CVE-2026-30892). */
function requireId(name: string, id: unknown): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 4294967294) return
  throw new NruncError('ERR_OPTION_INVALID', `${name} is not a number from 0 to 4294967294`, { operand: name })
}

/** A group that others have removed meanwhile is not entered, as in runc. */
function resctrlGroups({ id, intel_rdt_path: path, config }: StateFile): string[] {
  const groups = path === '' ? [] : [path, ...config.linux?.intelRdt?.enableMonitoring ? [`${path}/mon_groups/${id}`] : []]
  return groups.filter((group) => existsSync(group))
}

/** Limits of the container that also hold for a process that says nothing of its own about them, as in runc. */
function inheritLimits(process: ProcessSpec, own: ProcessSpec | undefined): ProcessSpec {
  const { rlimits, scheduler, ioPriority, execCPUAffinity } = own ?? {}
  return {
    ...process,
    rlimits: process.rlimits?.length ? process.rlimits : rlimits,
    scheduler: process.scheduler ?? scheduler,
    ioPriority: process.ioPriority ?? ioPriority,
    execCPUAffinity: process.execCPUAffinity ?? execCPUAffinity,
  }
}

/** Never inheritable: a file capability of the image would raise them (CVE-2022-29162). */
function addCapabilities(own: Capabilities, added: readonly string[]): Capabilities {
  for (const name of added) {
    if (!capabilityNames.includes(name as never)) throw new NruncError('ERR_OPTION_INVALID', `unknown capability ${JSON.stringify(name)}`, { operand: name })
  }
  const merge = (names: readonly string[] | undefined): string[] => [...new Set([...names ?? [], ...added])]
  return added.length === 0 ? own
    : { ...own, bounding: merge(own.bounding), effective: merge(own.effective), permitted: merge(own.permitted) }
}

/** Namespaces in which init is and this process is not. Joining one's own user namespace is an error for the kernel. */
function foreignNamespaces(state: StateFile): { type: NamespaceType; path: string }[] {
  const pid = state.init_process_pid
  const foreign = Object.entries(namespaceFiles).flatMap(([type, file]) => {
    const path = `/proc/${pid}/ns/${file}`
    return identity(path) === identity(`/proc/self/ns/${file}`) ? [] : [{ type: type as NamespaceType, path }]
  })
  requireAlive(state) // what was looked at must have been init all along
  return foreign
}

function requireAlive({ id, init_process_pid: pid, init_process_start: start }: StateFile): void {
  if (!isAlive(pid, start)) throw new NruncError('ERR_STATUS', 'cannot exec in a stopped container', { operand: id })
}

/** A namespace that could not be told from this process's own would not be entered. */
const identity = (path: string): string => orElse('', () => readlinkSync(path))
