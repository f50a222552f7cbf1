/**
 * Reading a bundle. Source: runtime-spec bundle.md.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { nonZero } from '../cgroup/limit.ts'
import { NruncError, type Problem } from '../errors.ts'
import { namespaceFiles } from '../plan/namespaces.ts'
import { parseJson } from '../spec/parse.ts'
import { netDevices } from '../spec/rules/net-devices.ts'
import { sysctl } from '../spec/rules/sysctl.ts'
import type { Namespace, Spec } from '../spec/schema.ts'
import { validation } from '../spec/validate.ts'
import { atOnce, type Steps } from '../turns.ts'

/**
 * The text of a bundle's config.json.
 *
 * @throws NruncError ERR_CONFIG_READ
 */
export function readConfig(bundle: string): string {
  const path = join(bundle, 'config.json')
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? `JSON specification file ${path} not found` : `cannot read ${path}: ${code}`
    throw new NruncError('ERR_CONFIG_READ', message, { operand: path, errno: code, syscall, cause: error })
  }
}

/**
 * The valid config of a bundle.
 *
 * @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID
 */
export const loadSpec = (bundle: string): Spec => atOnce(loadingSpec(bundle))

/** The same step by step. */
export function* loadingSpec(bundle: string): Steps<Spec> {
  const text = readConfig(bundle)
  yield
  return yield* parsingSpec(text, bundle)
}

/** From the text that the config of a bundle has. */
export function* parsingSpec(text: string, bundle: string): Steps<Spec> {
  const value = parseJson(text, join(bundle, 'config.json'))
  yield
  return yield* checkingSpec(value)
}

/** The valid config out of one that is already in memory. @throws NruncError ERR_CONFIG_INVALID */
export const checkSpec = (value: unknown): Spec => atOnce(checkingSpec(value))

/** The same step by step. */
export function* checkingSpec(value: unknown): Steps<Spec> {
  const spec = yield* validation(value)
  const { kernel, kernelTCP } = spec.linux?.resources?.memory ?? {}
  if (nonZero(kernel) ?? nonZero(kernelTCP)) process.emitWarning('Kernel memory settings are ignored and will be removed')
  return spec
}

/**
 * A namespace that is joined by path may be the one this process is in: a sysctl set there would be the host's, and a
 * network device would not have to move.
 *
 * @throws NruncError ERR_CONFIG_INVALID as for a container without such a namespace
 */
export function refuseHostNamespaces(spec: Spec): void {
  const { namespaces = [], sysctl: values = {}, netDevices: devices = {} } = spec.linux ?? {}
  if (namespaces.every(({ path }) => !path) || (Object.keys(values).length === 0 && Object.keys(devices).length === 0)) return
  const problems: Problem[] = []
  const report = (field: string, message: string) => void problems.push({ field, message })
  const own = { ...spec, linux: { ...spec.linux, namespaces: namespaces.filter((one) => !isOurs(one)) } }
  sysctl(own, report)
  netDevices(own, report)
  const [first] = problems
  if (first !== undefined) throw new NruncError('ERR_CONFIG_INVALID', `${first.field}: ${first.message}`, { field: first.field, problems })
}

function isOurs({ type, path }: Namespace): boolean {
  if (!path) return false
  const [joined, ours] = [path, `/proc/self/ns/${namespaceFiles[type]}`].map((file) => statSync(file, { throwIfNoEntry: false }))
  return joined !== undefined && joined.ino === ours?.ino && joined.dev === ours.dev
}

export interface Bundle {
  /** Absolute path of its directory. */
  readonly path: string
  readonly spec: Spec
}
