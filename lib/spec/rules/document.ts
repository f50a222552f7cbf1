/** Rules of the top level: version, root, annotations, hooks. */
import { outputAnnotations } from '../hooks.ts'
import { pointer } from '../pointer.ts'
import { quote } from './rule.ts'
import type { Report } from './rule.ts'
import type { Spec } from '../schema.ts'

const tail = String.raw`[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*`
const version1 = new RegExp(String.raw`^1\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-${tail})?(\+${tail})?$`)

/** The specification keeps compatibility within a major version. config.md "Specification version". */
export function version(spec: Spec, report: Report): void {
  if (!version1.test(spec.ociVersion)) {
    report('/ociVersion', `unsupported version ${quote(spec.ociVersion)}, it must be a semantic version 1.x.y`)
  }
}

export function root(spec: Spec, report: Report): void {
  if (spec.root.path === '') report('/root/path', 'root path must not be empty')
}

/** config.md "Annotations". */
export function annotations(spec: Spec, report: Report): void {
  if (spec.annotations !== undefined && '' in spec.annotations) {
    report(pointer('annotations', ''), 'annotation name must not be empty')
  }
  for (const name of Object.values(outputAnnotations)) {
    const path = spec.annotations?.[name]
    if (path !== undefined && !path.startsWith('/')) report(pointer('annotations', name), `${quote(path)} must be an absolute path`)
    if (path?.includes('\0')) report(pointer('annotations', name), 'contains null byte')
  }
}

/** config.md "POSIX-platform Hooks". */
export function hooks(spec: Spec, report: Report): void {
  const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const
  for (const kind of kinds) {
    for (const [index, hook] of (spec.hooks?.[kind] ?? []).entries()) {
      if (!hook.path.startsWith('/')) {
        report(pointer('hooks', kind, index, 'path'), `hook path ${quote(hook.path)} must be absolute`)
      }
      if (hook.timeout !== undefined && hook.timeout <= 0) {
        report(pointer('hooks', kind, index, 'timeout'), 'hook timeout must be greater than zero')
      }
    }
  }
}
