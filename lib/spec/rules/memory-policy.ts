/** Which memory policies take nodes. Source: set_mempolicy(2), config-linux.md "Memory policy", runc's validator. */
import { parseRanges } from '../ranges.ts'
import { quote, type Report } from './rule.ts'
import type { Spec } from '../schema.ts'

const withoutNodes = new Set<string>(['MPOL_DEFAULT', 'MPOL_LOCAL'])

export function memoryPolicy(spec: Spec, report: Report): void {
  const policy = spec.linux?.memoryPolicy
  if (policy === undefined) return
  const { mode, nodes: list = '', flags = [] } = policy
  const nodes = parseRanges(list)
  if (nodes === undefined) report('/linux/memoryPolicy/nodes', `invalid memory policy nodes ${quote(list)}, they must be as 0-1,3`)
  else if (withoutNodes.has(mode) && nodes !== 0n) {
    report('/linux/memoryPolicy/nodes', `memory policy mode ${mode} requires 0 nodes`)
  } else if (!withoutNodes.has(mode) && mode !== 'MPOL_PREFERRED' && nodes === 0n) {
    report('/linux/memoryPolicy/nodes', `memory policy mode ${mode} requires at least one node but got 0`)
  }
  if (flags.includes('MPOL_F_RELATIVE_NODES') && flags.includes('MPOL_F_STATIC_NODES')) {
    report('/linux/memoryPolicy/flags', 'MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES are mutually exclusive')
  }
}

/** config-linux.md "Personality": no flag has a meaning yet. */
export function personality(spec: Spec, report: Report): void {
  if (spec.linux?.personality?.flags?.length) report('/linux/personality/flags', 'personality flags are not supported')
}
