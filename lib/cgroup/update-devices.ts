/**
 * New device rules for a container that runs.
 */
import { NruncError } from '../errors.ts'
import { job } from '../native/addon.ts'
import { errnoMessage, errnoName } from '../native/errno.ts'
import type { StateFile } from '../state/file.ts'
import { deviceProgram } from './device-program.ts'
import { deviceLimits, type DevicePolicy, devicePolicy } from './devices.ts'
import { writeControl } from './directory.ts'
import type { CgroupHost } from './host.ts'
import { deviceVersion } from './select.ts'

const field = '/devices'

/**
 * Put the rules of UPDATED in the place of those of STATE: on v2 in one step, through a program that replaces the other;
 * on v1 rule by rule, with the former ones again when one is refused.
 *
 * @throws NruncError ERR_CGROUP, ERR_CONFIG_INVALID
 */
export async function updateDevices(host: CgroupHost, state: StateFile, updated: StateFile): Promise<void> {
  const policy = policyOf(updated)
  const [directory, write] = deviceVersion(host) === 1
    ? [state.cgroup_paths['devices'], writeRules] as const : [state.cgroup_paths[''], replaceProgram] as const
  if (directory === undefined) {
    throw new NruncError('ERR_CGROUP', 'cannot set devices limit: container could not join or create cgroup', { field })
  }
  await write(directory, policy, policyOf(state))
}

const policyOf = ({ config: { linux } }: StateFile): DevicePolicy =>
  devicePolicy(linux?.resources?.devices ?? [], linux?.devices?.map(({ path }) => path))

async function replaceProgram(directory: string, policy: DevicePolicy): Promise<void> {
  const program = deviceProgram(policy) ?? new Uint8Array()
  const { a: error } = await job((addon, id) => addon.setDeviceProgram(id, directory, program))
  if (error !== 0) {
    throw new NruncError('ERR_CGROUP',
      `cannot attach the device program to ${JSON.stringify(directory)}: bpf: ${errnoMessage(error)} (field ${field})`,
      { field, step: 'attachDeviceProgram', syscall: 'bpf', errno: errnoName(error), operand: directory })
  }
}

async function writeRules(directory: string, policy: DevicePolicy, former: DevicePolicy): Promise<void> {
  const limits = deviceLimits(policy)
  try {
    for (const { file, value } of limits) await writeControl(`${directory}/${file}`, value)
  } catch (cause) {
    for (const { file, value } of deviceLimits(former)) await writeControl(`${directory}/${file}`, value).catch(() => {})
    const { errno = 0, code, syscall } = cause as NodeJS.ErrnoException
    throw new NruncError('ERR_CGROUP', `cannot set ${JSON.stringify(directory)}: ${syscall}: ${errnoMessage(-errno)} (field ${field})`,
      { field, step: 'writeCgroup', syscall, errno: code, operand: directory, cause })
  }
}
