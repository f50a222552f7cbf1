/**
 * Where the service managers can be reached. Pure. Source: D-Bus specification, "Server Addresses"; systemd's bus-util.
 */

/** One way to a service manager. */
export interface Address {
  /** Path of a socket; an abstract one begins with NUL. */
  readonly path: string
  /** Over a bus, or directly. */
  readonly bus: boolean
}

/** The system's manager, or that of one user. */
export type Manager = 'system' | 'user'

/** The places to try, in this order: what the environment says, the standard bus, systemd's own socket. */
export function managerAddresses(manager: Manager, environment: NodeJS.ProcessEnv, uid: number): Address[] {
  const given = environment[manager === 'system' ? 'DBUS_SYSTEM_BUS_ADDRESS' : 'DBUS_SESSION_BUS_ADDRESS'] ?? ''
  const runtime = manager === 'system' ? '/run' : environment['XDG_RUNTIME_DIR'] || `/run/user/${uid}`
  const standard = manager === 'system' ? '/run/dbus/system_bus_socket' : `${runtime}/bus`
  const paths = given === '' ? [standard] : parseAddresses(given)
  return [...paths.map((path) => ({ path, bus: true })), { path: `${runtime}/systemd/private`, bus: false }]
}

/** The UNIX sockets of `unix:path=/a,guid=b;unix:abstract=c`; other transports are left out. */
export function parseAddresses(text: string): string[] {
  return text.split(';').flatMap((address) => {
    const [transport, keys = ''] = address.split(/:(.*)/s)
    if (transport !== 'unix') return []
    const values = new Map(keys.split(',').map((pair) => pair.split(/=(.*)/s) as [string, string]))
    const path = decoded(values.get('path') ?? '')
    const abstract = decoded(values.get('abstract') ?? '')
    return path !== '' ? [path] : abstract !== '' ? [`\0${abstract}`] : []
  })
}

const decoded = (value: string): string =>
  Buffer.from(value.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16))), 'latin1').toString()
