/**
 * Being told of what happens to a cgroup, through the addon's one epoll thread. Nothing here keeps the event loop alive.
 */
import { addon, EVENT, subscribe, unsubscribe } from './addon.ts'
import { errnoName } from './errno.ts'

/** `host::NotifyKind` in `addon/host/notify.h`. */
export const NOTIFY = { eventControl: 0, modified: 1, trigger: 2 } as const

export interface Notification {
  /** Nothing more comes after this. */
  close(): void
}

/**
 * Call LISTENER whenever something happens; with true when what was watched is gone, and then no more.
 *
 * @throws Error of node:fs' form (`code`, `path`) when it cannot be watched
 */
export function notify(
  kind: (typeof NOTIFY)[keyof typeof NOTIFY], paths: readonly string[], argument: string, listener: (gone: boolean) => void,
): Notification {
  let open = true
  const id = subscribe((type, gone) => {
    if (type !== EVENT.notified || !open) return
    if (gone === 1) close()
    listener(gone === 1)
  })
  const close = (): void => {
    open = false
    unsubscribe(id)
    addon().forget(id)
  }
  const result = addon().notify(id, kind, paths, argument)
  if (result < 0) {
    close()
    throw Object.assign(new Error(`${errnoName(-result)}: ${paths[0]}`), { code: errnoName(-result), path: paths[0] })
  }
  return { close }
}
