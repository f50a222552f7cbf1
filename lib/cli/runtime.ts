/**
 * The library as the commands use it.
 */
import type { CgroupManager } from '../cgroup/driver.ts'
import { NruncError } from '../errors.ts'
import type { RuntimeOptions } from '../options/options.ts'
import type { Runtime } from '../runtime.ts'
import { workAlone } from '../turns.ts'
import type { Settings } from './command.ts'

/**
 * The runtime over the state directory of this call: `--root`, or else the library's default. Loaded only here, so that
 * `--version` and a wrong command line do not pay for it.
 *
 * @throws {NruncError} ERR_OPTION_INVALID for `--root` with nothing or `/`, and for wrong values of the other flags.
 */
export const openRuntime = async ({ settings }: { readonly settings: Settings }): Promise<Runtime> => {
  const { root } = settings
  if (root === '') throw new NruncError('ERR_OPTION_INVALID', 'the state root cannot be empty')
  const cgroups = cgroupSettings(settings)
  workAlone()
  const { Runtime } = await import('../runtime.ts')
  return new Runtime({ root, ...cgroups })
}

/** @throws {NruncError} ERR_OPTION_INVALID for flags that exclude each other, and for a wrong value of --rootless. */
export const cgroupSettings = (settings: Settings): Pick<RuntimeOptions, 'cgroupManager' | 'rootless'> =>
  ({ rootless: rootlessSetting(settings.rootless), cgroupManager: managerSetting(settings) })

/** runc's ParseBoolOrAuto: Go's booleans, `auto` or nothing. */
const rootlessSetting = (text = 'auto'): boolean | 'auto' => {
  if (text === '' || text.toLowerCase() === 'auto') return 'auto'
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  throw new NruncError('ERR_OPTION_INVALID', `invalid value ${JSON.stringify(text)} for flag --rootless: parse error`)
}

const managerSetting = ({ systemdCgroup, cgroupManager }: Settings): CgroupManager | undefined => {
  if (systemdCgroup && cgroupManager !== undefined && cgroupManager !== 'systemd') {
    throw new NruncError('ERR_OPTION_INVALID', `cannot use --systemd-cgroup together with --cgroup-manager ${cgroupManager}`)
  }
  return systemdCgroup ? 'systemd' : cgroupManager as CgroupManager | undefined
}

/** For a command that ends before the process that it makes: who inherits the process learns how it ended. */
export const leaveProcesses = async (): Promise<void> => (await import('../native/child.ts')).leaveProcesses()
