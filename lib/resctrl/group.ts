/**
 * `linux.intelRdt` -> the group of a container below resctrl. Source: runtime-spec config-linux.md "IntelRdt", the
 * kernel's filesystems/resctrl.rst, runc's intelrdt.
 */
import { readFileSync, rmdirSync } from 'node:fs'
import { NruncError } from '../errors.ts'
import type { IntelRdt } from '../spec/schema.ts'
import type { ResctrlHost } from './host.ts'

export interface ResctrlGroup {
  /** Where the container's tasks go, and their monitoring group where one is asked for. */
  readonly path: string
  readonly monitor: string | undefined
  /** Lines for its `schemata` file; empty for a group that has what is asked for. */
  readonly schemata: string
  /** The field that the lines come from. */
  readonly field: string
  /** File with the kernel's words for the last error. */
  readonly status: string
  /** Directories to be removed with the container, the inner ones first: those that it alone has. */
  readonly own: readonly string[]
}

const at = '/linux/intelRdt'
const refuse = (field: string, message: string) => new NruncError('ERR_HOST', message, { field })

/**
 * The group for a container's id; undefined where none is asked for.
 *
 * @throws NruncError ERR_HOST when the host has not what it takes, or has a group of this name that is another one
 */
export function layoutResctrl(wanted: IntelRdt | undefined, id: string, host: ResctrlHost | undefined): ResctrlGroup | undefined {
  if (wanted === undefined) return undefined
  const { closID = '', enableMonitoring = false } = wanted
  requireFeatures(wanted, host)
  const path = closID === '/' ? host.root : `${host.root}/${closID || id}`
  const lines = schemataOf(wanted)
  const there = closID === '' ? undefined : readSchemata(path)
  if (closID !== '' && lines.length === 0 && there === undefined) {
    throw refuse(`${at}/closID`,
      `clos dir not accessible (must be pre-created when l3CacheSchema, memBwSchema and schemata are empty): ${path}`)
  }
  if (there !== undefined) requireSchemata(lines, there, path)
  const monitor = enableMonitoring ? `${path}/mon_groups/${id}` : undefined
  return {
    path, monitor, field: wanted.schemata?.length ? `${at}/schemata` : at, status: `${host.root}/info/last_cmd_status`,
    schemata: there === undefined ? lines.map((line) => `${line}\n`).join('') : '',
    own: [...(monitor === undefined ? [] : [monitor]), ...(there === undefined ? [path] : [])],
  }
}

function requireFeatures(wanted: IntelRdt, host: ResctrlHost | undefined): asserts host is ResctrlHost {
  if (host === undefined) throw refuse(at, 'intelRdt is specified in config, but Intel RDT is not enabled')
  if (wanted.l3CacheSchema && !host.cache) {
    throw refuse(`${at}/l3CacheSchema`, 'intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled')
  }
  if (wanted.memBwSchema && !host.bandwidth) {
    throw refuse(`${at}/memBwSchema`, 'intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled')
  }
  if (wanted.enableMonitoring && !host.monitoring) {
    throw refuse(`${at}/enableMonitoring`, 'intelRdt.enableMonitoring is specified in config, but Intel RDT monitoring is not enabled')
  }
}

/** The bandwidth of memBwSchema is stronger than one in l3CacheSchema; what `schemata` has comes last and wins. */
function schemataOf({ l3CacheSchema = '', memBwSchema = '', schemata = [] }: IntelRdt): string[] {
  const cache = l3CacheSchema.split('\n').filter((line) => memBwSchema === '' || !line.trimStart().startsWith('MB:'))
  return [...cache, memBwSchema, ...schemata].map((line) => line.trim()).filter((line) => line !== '')
}

/** Content of the group's file; undefined where there is no such group. */
function readSchemata(path: string): string | undefined {
  try {
    return readFileSync(`${path}/schemata`, 'latin1')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new NruncError('ERR_HOST', `cannot read ${path}/schemata: ${code}`, { field: `${at}/closID`, operand: path, errno: code, cause })
  }
}

/** `L3:0=f;1=0f0` as L3 0 f, L3 1 f0; leading zeros mean nothing. */
const values = (text: string): string[] => text.split('\n').flatMap((line) => {
  const [resource = '', domains = ''] = line.trim().split(':')
  return domains.split(';').filter((one) => one !== '').map((one) => {
    const [domain = '', value = ''] = one.split('=')
    return `${resource} ${Number(domain)} ${value.trim().toLowerCase().replace(/^0+(?=.)/, '')}`
  })
})

/** A group that others may be in is not changed: it has to be what is asked for. */
function requireSchemata(lines: readonly string[], there: string, path: string): void {
  const has = new Set(values(there))
  const missing = values(lines.join('\n')).find((value) => !has.has(value))
  if (missing === undefined) return
  throw refuse(`${at}/closID`, `the schemata of the existing group ${path} are not those of the config: it has no ${missing}`)
}

/** Remove what a container had of its own; what is not there any more is no error. Tasks in it go up. */
export function removeResctrl(directories: readonly string[] | undefined): void {
  for (const directory of directories ?? []) {
    try {
      rmdirSync(directory)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code !== 'ENOENT') throw new NruncError('ERR_HOST', `cannot remove ${directory}: ${code}`, { operand: directory, errno: code, cause })
    }
  }
}
