/**
 * What a service manager says by the environment: sd_notify(3), sd_listen_fds(3).
 */
import type { CreateOptions, NotifyOptions } from '../options/options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The manager's socket. Detached, init becomes the main process of the service; else this process, which waits for it. */
export const notifyOptions = (detach: boolean, env: Environment = process.env): NotifyOptions | undefined => {
  const { NOTIFY_SOCKET: socket = '' } = env
  return socket === '' ? undefined : { socket, mainPid: detach ? 'init' : process.pid }
}

/** How many sockets were passed to this very process. As in runc, one that is not meant by LISTEN_PID has none. */
const listenFds = ({ LISTEN_PID, LISTEN_FDS }: Environment, pid: number): number =>
  LISTEN_PID === String(pid) && /^[0-9]{1,3}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0

/** The options of a container that runs as a service. */
export const serviceOptions = (
  detach: boolean, env: Environment = process.env, pid = process.pid,
): Pick<CreateOptions, 'notify' | 'listenFds'> => ({ notify: notifyOptions(detach, env), listenFds: listenFds(env, pid) })
