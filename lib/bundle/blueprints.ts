/**
 * The configs of bundles that are started again and again.
 */
import { resolve } from 'node:path'
import { inTurns } from '../turns.ts'
import { Blueprint } from './blueprint.ts'
import { parsingSpec, readConfig } from './bundle.ts'

/** How many bundles a runtime remembers; each takes some 50 KB. */
const remembered = 64

/**
 * The blueprints of bundles that are started again and again. The config is read each time; as long as its text is the
 * same it is neither parsed nor checked nor compiled again.
 */
export class Blueprints {
  readonly #known = new Map<string, { readonly text: string; readonly blueprint: Blueprint; again: boolean }>()

  /** @throws NruncError ERR_CONFIG_READ, ERR_CONFIG_PARSE, ERR_CONFIG_INVALID */
  async ofBundle(directory: string): Promise<Blueprint> {
    const path = resolve(directory)
    const text = readConfig(path)
    const known = this.#known.get(path)
    const again = known?.text === text
    if (again && known.again) return known.blueprint
    const spec = await inTurns(parsingSpec(text, path))
    // What is made for many costs twice as much to make: the second start is the first sign that there will be many.
    const blueprint = new Blueprint({ path, spec }, { forMany: again })
    this.#known.delete(path)
    if (this.#known.size === remembered) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(path, { text, blueprint, again })
    return blueprint
  }
}
