import type { Namespace, NamespaceType } from './linux.ts'
import type { Spec } from './schema.ts'

/** The namespace of a type that the container has of its own or joins, `undefined` where it keeps the runtime's. */
export function findNamespace(spec: Spec, type: NamespaceType): Namespace | undefined {
  return spec.linux?.namespaces?.find((namespace) => namespace.type === type)
}

/** Whether a namespace of this type is made for the container: listed, and without a path to join. */
export function isNewNamespace(spec: Spec, type: NamespaceType): boolean {
  const namespace = findNamespace(spec, type)
  return namespace !== undefined && (namespace.path ?? '') === ''
}
