/**
 * Annotations `org.systemd.property.NAME`: properties of the unit that the config itself gives, as GVariant text. Pure.
 */
import { Variant } from '../../dbus/wire.ts'
import { invalid } from '../limit.ts'
import { pointer } from '../../spec/pointer.ts'
import { parseVariant } from './gvariant.ts'
import type { Property } from './properties.ts'

const PREFIX = 'org.systemd.property.'

/**
 * The properties that ANNOTATIONS ask for. A name `...Sec` with a number of seconds becomes `...USec`, in microseconds,
 * which is what the bus knows.
 *
 * @throws NruncError ERR_CONFIG_INVALID for a name or a value that is none
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>> = {}): Property[] {
  return Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX)).map(([key, text]): Property => {
    const name = key.slice(PREFIX.length)
    const field = pointer('annotations', key)
    if (!/^[A-Za-z]{3,}$/.test(name)) throw invalid(field, `annotation ${key} name incorrect: it is not a name of a property`)
    try {
      const value = parseVariant(text)
      return /[a-z]Sec$/.test(name) ? [name.replace(/Sec$/, 'USec'), microseconds(value)] : [name, value]
    } catch (error) {
      throw invalid(field, `annotation ${key}=${text} value parse error: ${(error as Error).message}`)
    }
  })
}

function microseconds({ value }: Variant): Variant {
  const number = Number(value)
  if ((typeof value !== 'number' && typeof value !== 'bigint') || !(number >= 0)) throw new Error('not a number of seconds')
  return new Variant('t', typeof value === 'bigint' ? value * 1_000_000n : BigInt(Math.trunc(number * 1_000_000)))
}
