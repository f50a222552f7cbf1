/**
 * What a service manager gives a program and hears from it: sockets (sd_listen_fds(3)) and readiness (sd_notify(3)).
 */
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { NruncError } from '../errors.ts'
import { addon, job } from '../native/addon.ts'
import { errnoMessage, errnoName } from '../native/errno.ts'
import type { NotifyOptions } from '../options/options.ts'
import type { ProcessSpec, Spec } from '../spec/schema.ts'
import { stateError } from '../state/directory.ts'

/** Where the container finds the socket, as under runc. */
const inside = '/run/notify'
const socketName = 'notify.sock'

const notifyDirectory = (directory: string): string => join(directory, 'notify')

/**
 * Make the directory that the container sees. The socket in it is made when the program is about to run.
 *
 * @throws NruncError ERR_STATE_INVALID
 */
export function makeNotifyDirectory(directory: string): void {
  const path = notifyDirectory(directory)
  try {
    mkdirSync(path)
    chmodSync(path, 0o755)
    chmodSync(directory, 0o711) // root of another user namespace has to get through to bind it
  } catch (error) {
    throw stateError(path, error)
  }
}

/** The spec and the process that a plan is made from; the stored config stays as it was given. */
export function serviceSpec(
  spec: Spec, process: ProcessSpec, directory: string, options: { readonly listenFds?: number | undefined; readonly notify?: NotifyOptions | undefined },
): { readonly spec: Spec; readonly process: ProcessSpec } {
  const { listenFds = 0, notify } = options
  const env = [...process.env ?? []]
  if (listenFds > 0) env.push(`LISTEN_FDS=${listenFds}`, 'LISTEN_PID=1')
  if (notify === undefined) return listenFds > 0 ? { spec, process: { ...process, env } } : { spec, process }
  env.push(`NOTIFY_SOCKET=${inside}/${socketName}`)
  const mount = {
    destination: inside, type: 'bind', source: notifyDirectory(directory), options: ['bind', 'nosuid', 'noexec', 'nodev', 'ro'],
  }
  return { spec: { ...spec, mounts: [...spec.mounts ?? [], mount] }, process: { ...process, env } }
}

/**
 * Make the socket of a container that was created with `notify`.
 *
 * @returns its descriptor, for {@link relayReady}; undefined for a container that was created without
 * @throws NruncError ERR_STATE_INVALID
 */
export function bindNotify(directory: string, notify: NotifyOptions | undefined): number | undefined {
  const path = notifyDirectory(directory)
  if (notify === undefined || !existsSync(path)) return undefined
  const result = addon().bindNotify(path, socketName)
  if (result >= 0) return result
  const errno = errnoName(-result)
  throw new NruncError('ERR_STATE_INVALID', `cannot create ${path}/${socketName}: ${errno}`, { syscall: 'bind', errno, operand: path })
}

/**
 * Hand READY=1 of the container's program on to the service manager. Takes over SOCKET.
 *
 * @returns whether it came before the container's end
 * @throws NruncError ERR_HOST when the manager cannot be told
 */
export async function relayReady(
  socket: number, init: { readonly pid: number; readonly startTime: string }, { socket: manager, mainPid }: NotifyOptions,
): Promise<boolean> {
  const named = mainPid === 'init' ? init.pid : mainPid
  const { a: ready, b: result } = await job((native, id) =>
    native.relayReady(id, socket, init.pid, init.startTime, manager, named === undefined ? '' : String(named)))
  if (result === 0) return ready === 1
  const message = `cannot notify the service manager at ${JSON.stringify(manager)}: ${errnoMessage(-result)}`
  throw new NruncError('ERR_HOST', message, { errno: errnoName(-result), operand: manager })
}
