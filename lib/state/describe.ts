/**
 * The state of a container as runc prints it. Source: runtime-spec runtime.md "State".
 */
import { readFileSync, statSync } from 'node:fs'
import type { State, Status } from '../options/options.ts'
import type { StateFile } from './file.ts'

export function describeState(directory: string, state: StateFile, status: Status): State {
  const { annotations } = state.config
  return {
    ociVersion: state.config.ociVersion,
    id: state.id,
    pid: status === 'stopped' ? 0 : state.init_process_pid,
    status,
    bundle: state.bundle,
    rootfs: state.rootfs,
    created: state.created,
    ...(annotations === undefined ? {} : { annotations }),
    owner: ownerOf(directory),
  }
}

/** The user whom the state directory belongs to, by name where /etc/passwd has one. */
function ownerOf(directory: string): string {
  try {
    const { uid } = statSync(directory)
    if (uid === 0) return 'root'
    const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((one) => one.split(':')[2] === String(uid))
    return line?.split(':')[0] ?? `#${uid}`
  } catch {
    return ''
  }
}
