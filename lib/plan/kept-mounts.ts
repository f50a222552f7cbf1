/**
 * Mounts that something is still to be done to when others have been made: a remount, masks below them. They are kept open,
 * and their destination is not looked up again: who has a volume in his hands, or the root file system itself, can exchange a
 * mount point with a directory of his own, and the mount moves along with it (the class of CVE-2021-30465).
 */
import { posix } from 'node:path'
import type { Mount } from '../spec/schema.ts'
import { hasOption, isBind, placeOf } from './mount-flags.ts'
import { NO_SLOT, type Operation } from './operations.ts'

/** A path to be looked up in a mount that is kept, or with NO_SLOT in the root file system. */
export interface InMount {
  readonly mount: number
  readonly inside: string
}

/** Names and links in them are the kernel's: a path leads to the same, whether it begins at the mount or at the root. */
const ofTheKernel = new Set(['proc', 'sysfs'])
const sources = new Set(['/proc', '/sys'])

/** A mount of the kernel's, by its number in the config. */
interface KernelMount {
  readonly index: number
  readonly place: string
  /** A later mount hides it. */
  readonly covered: boolean
}

export class KeptMounts {
  readonly #mounts: readonly Mount[]
  readonly #places: readonly string[]
  readonly #ofTheKernel: readonly KernelMount[]
  readonly #first: number
  readonly #slots = new Map<number, number>()

  /** FIRST: slot of the first that is kept. */
  constructor(mounts: readonly Mount[], first: number) {
    this.#mounts = mounts
    this.#places = mounts.map(placeOf)
    this.#ofTheKernel = mounts.flatMap((mount, index) => (isOfTheKernel(mount) ? [this.#kernelMount(index)] : []))
    this.#first = first
  }

  #kernelMount(index: number): KernelMount {
    const place = this.#places[index]!
    const covered = this.#places.some((above, later) => later > index && covers(above, place) && !isRemount(this.#mounts[later]!))
    return { index, place, covered }
  }

  /** Slot of the mount with this number in the config, which is kept from then on. */
  keep(index: number): number {
    const slot = this.#slots.get(index) ?? this.#first + this.#slots.size
    this.#slots.set(index, slot)
    return slot
  }

  /**
   * The mount that mount INDEX, a remount, is about: what the config has made last of all at its destination or around it. What
   * it has not made itself (a mount in the tree of a bind) is looked up in there, so that no link leads to another.
   */
  findRemounted(index: number): InMount {
    const place = this.#places[index]!
    const made = this.#places.findLastIndex((around, at) => at < index && !isRemount(this.#mounts[at]!) && covers(around, place))
    if (made < 0) return { mount: NO_SLOT, inside: this.#mounts[index]!.destination }
    return { mount: this.keep(made), inside: place.slice(this.#places[made]!.length) }
  }

  /** Where PATH is, when all mounts are made. */
  find(path: string): InMount {
    const clean = posix.resolve('/', path)
    const found = this.#ofTheKernel.findLast(({ place }) => clean.startsWith(`${place}/`))
    if (found === undefined || found.covered) return { mount: NO_SLOT, inside: path }
    return { mount: this.keep(found.index), inside: clean.slice(found.place.length) }
  }

  /** OPERATIONS of mount INDEX, the first of which makes it, with the one that keeps it. */
  withKeeping(index: number, [make, ...rest]: readonly Operation[]): Operation[] {
    const slot = this.#slots.get(index)
    if (make === undefined) return []
    return slot === undefined ? [make, ...rest] : [make, { op: 'keepMount', field: make.field, slot }, ...rest]
  }
}

const covers = (above: string, place: string): boolean => above === '/' || `${place}/`.startsWith(`${above}/`)

const isRemount = (mount: Mount): boolean => hasOption(mount, 'remount')

const isOfTheKernel = (mount: Mount): boolean =>
  isBind(mount) ? sources.has(posix.resolve('/', mount.source ?? '')) : ofTheKernel.has(mount.type ?? '') && !isRemount(mount)
