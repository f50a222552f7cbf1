/**
 * The bundles: one root file system from busybox-static for all, and one config.json for each runtime and slot. They
 * differ in the cgroup alone, so that every runtime does the same work.
 */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultSpec } from '../lib/spec/defaults.ts'
import type { ProcessSpec, Spec } from '../lib/spec/schema.ts'
import { groupRoot } from './options.ts'

/** The container that is measured: the default spec, with a cgroup namespace. */
const benchSpec = (rootfs: string, cgroupsPath: string, args: readonly string[]): Spec => {
  const spec = defaultSpec({ cgroupNamespace: true })
  return {
    ...spec,
    process: { ...(spec.process as ProcessSpec), terminal: false, args: [...args] },
    root: { ...spec.root, path: rootfs },
    linux: { ...spec.linux, cgroupsPath },
  }
}

/** Path of the root file system below the scratch directory. */
export const rootfsOf = (work: string): string => join(work, 'rootfs')

/** Id of the container that a runtime starts in a slot; the last part of its cgroup too. */
export const idOf = (runtime: string, slot: number): string => `${runtime}-${slot}`

/** Path of the bundle of a runtime's slot. */
export const bundleOf = (work: string, runtime: string, slot: number): string =>
  join(work, 'bundles', idOf(runtime, slot))

/**
 * Make the root file system.
 *
 * @throws Error when busybox is not there; it must be the static one (Debian: busybox-static).
 */
export const makeRootfs = (work: string, busybox: string): void => {
  const rootfs = rootfsOf(work)
  for (const directory of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']) {
    mkdirSync(join(rootfs, directory), { recursive: true })
  }
  copyFileSync(busybox, join(rootfs, 'bin/busybox'))
  for (const applet of ['true', 'sh', 'sleep']) symlinkSync('busybox', join(rootfs, 'bin', applet))
}

/** Write the bundles of a runtime for slots 0 to `slots` - 1, in which ARGS run. */
export const makeBundles = (work: string, runtime: string, slots: number, args: readonly string[] = ['/bin/true']): void => {
  for (let slot = 0; slot < slots; slot++) {
    const bundle = bundleOf(work, runtime, slot)
    mkdirSync(bundle, { recursive: true })
    const spec = benchSpec(rootfsOf(work), `/${groupRoot}/${idOf(runtime, slot)}`, args)
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec))
  }
}
