/**
 * The calls to systemd's service manager. Runs in the Node process; one connection a manager is kept for all of its
 * containers. Source: org.freedesktop.systemd1(5).
 */
import type { Manager } from '../../dbus/address.ts'
import { managerAddresses } from '../../dbus/address.ts'
import { DbusConnection, DbusError, type MethodCall } from '../../dbus/connection.ts'
import { Variant } from '../../dbus/wire.ts'
import { NruncError } from '../../errors.ts'
import type { Property } from './properties.ts'

/** Milliseconds for each call, and for each job. */
const TIMEOUT = 30_000

const service = 'org.freedesktop.systemd1'
const managerInterface = `${service}.Manager`
const managerPath = '/org/freedesktop/systemd1'

/** What the driver asks of a manager. */
export class ServiceManager {
  readonly manager: Manager
  readonly #connection: DbusConnection
  #controlGroup: Promise<string> | undefined

  private constructor(manager: Manager, connection: DbusConnection) {
    this.manager = manager
    this.#connection = connection
  }

  static readonly #open = new Map<Manager, Promise<ServiceManager>>()

  /**
   * The manager, connected.
   *
   * @throws NruncError ERR_CGROUP when it cannot be reached
   */
  static async connect(manager: Manager): Promise<ServiceManager> {
    const known = await this.#open.get(manager)?.catch(() => undefined)
    if (known?.open) return known
    const opening = connectAny(manager).then((connection) => new ServiceManager(manager, connection))
    this.#open.set(manager, opening)
    return opening
  }

  /** Whether the connection stands. */
  get open(): boolean { return this.#connection.open }

  /** The manager's own cgroup below the mount point: empty for the system's. @throws NruncError ERR_CGROUP */
  controlGroup(): Promise<string> {
    const body = [managerInterface, 'ControlGroup']
    return this.#controlGroup ??= this.#call('Get', {
      interface: 'org.freedesktop.DBus.Properties', signature: 'ss', body,
    }).then(([value]) => String((value as Variant).value).replace(/\/$/, ''))
  }

  /**
   * Make a transient unit and wait until it runs. A unit of that name that has failed is forgotten first.
   *
   * @throws NruncError ERR_CGROUP with `field` `/linux/cgroupsPath`
   */
  async startUnit(unit: string, properties: readonly Property[]): Promise<void> {
    const start = (): Promise<void> => this.#job(unit, 'StartTransientUnit', {
      signature: 'ssa(sv)a(sa(sv))', body: [unit, 'replace', properties, []],
    })
    try {
      await start().catch(async (error: unknown) => {
        if (!isError(error, 'UnitExists')) throw error
        await this.resetUnit(unit)
        await start()
      })
    } catch (error) {
      // Not refused: systemd may still be at it.
      if (error instanceof DbusError && error.errorName === '') await this.stopUnit(unit).catch(() => undefined)
      throw failure(`unable to start unit ${JSON.stringify(unit)}`, unit, error, 'startUnit')
    }
  }

  /** Stop a unit and wait for its end; one that is gone is no error. @throws NruncError ERR_CGROUP */
  async stopUnit(unit: string): Promise<void> {
    try {
      await this.#job(unit, 'StopUnit', { signature: 'ss', body: [unit, 'replace'] })
    } catch (error) {
      if (!isError(error, 'NoSuchUnit')) throw failure(`unable to stop unit ${JSON.stringify(unit)}`, unit, error, 'stopUnit')
    }
    await this.resetUnit(unit)
  }

  /** Forget that a unit has failed. That it has not, or is unknown, does not matter. */
  async resetUnit(unit: string): Promise<void> {
    await this.#call('ResetFailedUnit', { signature: 's', body: [unit] }).catch(() => undefined)
  }

  /** Change properties of a unit until it ends. @throws NruncError ERR_CGROUP */
  async setProperties(unit: string, properties: readonly Property[]): Promise<void> {
    try {
      await this.#call('SetUnitProperties', { signature: 'sba(sv)', body: [unit, true, properties] })
    } catch (error) {
      throw failure(`unable to set unit properties of ${JSON.stringify(unit)}`, unit, error, 'setUnitProperties')
    }
  }

  /** Move processes into a unit's cgroup, or into one below it at PATH. @throws NruncError ERR_CGROUP */
  async attach(unit: string, path: string, pids: readonly number[]): Promise<void> {
    try {
      await this.#call('AttachProcessesToUnit', { signature: 'ssau', body: [unit, path, pids] })
    } catch (error) {
      throw failure(`unable to add processes to unit ${JSON.stringify(unit)}`, unit, error, 'attachProcesses')
    }
  }

  /** systemd's version, as `257.8-1~deb13u2`. @throws NruncError ERR_CGROUP */
  async version(): Promise<string> {
    const body = [managerInterface, 'Version']
    const [value] = await this.#call('Get', { interface: 'org.freedesktop.DBus.Properties', signature: 'ss', body })
      .catch((error: unknown) => { throw failure('cannot ask systemd', undefined, error) })
    return String((value as Variant).value)
  }

  #call(member: string, how: Partial<MethodCall>): Promise<readonly unknown[]> {
    return this.#connection.call({ destination: service, path: managerPath, interface: managerInterface, member, ...how })
  }

  /** The end of a job may be told together with the answer that names it: the ends of all jobs of this unit are kept. */
  async #job(unit: string, member: string, how: Partial<MethodCall>): Promise<void> {
    let job: unknown
    const ended = new Map<unknown, string>()
    const end = this.#connection.signal(`the job of ${unit}`, ({ member: name, body: [, path, ofUnit, result] }) => {
      if (name !== 'JobRemoved' || ofUnit !== unit) return false
      ended.set(path, String(result))
      return path === job
    })
    try {
      [job] = await this.#call(member, how)
      if (!ended.has(job)) await end.body
    } finally {
      end.stop()
    }
    const result = ended.get(job)
    if (result !== 'done') throw new DbusError('', `the job ended with ${JSON.stringify(result)}`)
  }
}

const isError = (error: unknown, name: string): boolean =>
  error instanceof DbusError && error.errorName === `${service}.${name}`

function failure(what: string, unit: string | undefined, error: unknown, step?: string): NruncError {
  const field = step === 'startUnit' ? '/linux/cgroupsPath' : undefined
  return new NruncError('ERR_CGROUP', `${what}: ${(error as Error).message}`, { operand: unit, step, field, cause: error })
}

/** The first address where somebody answers; the error is that of the first. */
async function connectAny(manager: Manager): Promise<DbusConnection> {
  let first: unknown
  for (const { path, bus } of managerAddresses(manager, process.env, process.geteuid!())) {
    const connection = new DbusConnection(path, { timeout: TIMEOUT, bus })
    try {
      await subscribe(connection, bus)
      return connection
    } catch (error) {
      first ??= error
      connection.close()
    }
  }
  throw failure(`systemd's ${manager} manager cannot be reached`, undefined, first)
}

/** Signals of jobs are sent to who has asked for them. */
async function subscribe(connection: DbusConnection, bus: boolean): Promise<void> {
  const calls: MethodCall[] = [{ destination: service, path: managerPath, interface: managerInterface, member: 'Subscribe' }]
  const name = 'org.freedesktop.DBus'
  const rule = `type='signal',sender='${service}',interface='${managerInterface}',member='JobRemoved'`
  if (bus) {
    calls.unshift({
      destination: name, path: '/org/freedesktop/DBus', interface: name, member: 'AddMatch', signature: 's', body: [rule],
    })
  }
  await Promise.all(calls.map((call) => connection.call(call)))
}
