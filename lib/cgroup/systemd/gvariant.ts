/**
 * The part of GVariant's text format that properties of units are written in: booleans, numbers, strings, arrays, and a
 * type in front of them. Pure. Source: GLib, "GVariant Text Format".
 */
import { splitSignature, Variant } from '../../dbus/wire.ts'

const keywords: Readonly<Record<string, string>> = {
  boolean: 'b', byte: 'y', int16: 'n', uint16: 'q', int32: 'i', uint32: 'u', int64: 'x', uint64: 't', double: 'd',
  string: 's', objectpath: 'o', signature: 'g',
}

const token = /\s*(?:(@[a-z]+)|([a-z]+[0-9]*)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([-+]?(?:0x[0-9a-f]+|[0-9.]+(?:e[-+]?[0-9]+)?))|([[\],]))/iy

/** [lowest, highest] of the integer types. */
const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 255n], n: [-(1n << 15n), (1n << 15n) - 1n], q: [0n, (1n << 16n) - 1n], i: [-(1n << 31n), (1n << 31n) - 1n],
  u: [0n, (1n << 32n) - 1n], x: [-(1n << 63n), (1n << 63n) - 1n], t: [0n, (1n << 64n) - 1n],
}

/** The value that TEXT is. @throws Error saying what is wrong */
export function parseVariant(text: string): Variant {
  const words: string[] = []
  token.lastIndex = 0
  while (token.lastIndex < text.trimEnd().length) {
    const [word] = token.exec(text) ?? []
    if (word === undefined) throw new Error(`cannot understand ${JSON.stringify(text)}`)
    words.push(word.trim())
  }
  const value = parseValue(words, undefined)
  if (words.length > 0) throw new Error(`unexpected ${JSON.stringify(words[0])}`)
  return value
}

function parseValue(words: string[], wanted: string | undefined): Variant {
  const word = words.shift()
  if (word === undefined) throw new Error('a value is missing')
  if (word.startsWith('@')) {
    const type = word.slice(1)
    if (!/^a?[bynqiuxtdsog]$/.test(type)) throw new Error(`unsupported type ${JSON.stringify(type)}`)
    return parseValue(words, agree(wanted, type))
  }
  const keyword = Object.hasOwn(keywords, word) ? keywords[word] : undefined
  if (keyword !== undefined) return parseValue(words, agree(wanted, keyword))
  if (word === '[') return parseArray(words, wanted)
  if (word === 'true' || word === 'false') return new Variant(agree(wanted, 'b'), word === 'true')
  if (/^['"]/.test(word)) return parseText(unquote(word), agree(/^[sog]$/.test(wanted ?? '') ? wanted : 's', wanted ?? 's'))
  if (/^[-+0-9.]/.test(word)) return parseNumber(word, wanted)
  throw new Error(`unexpected ${JSON.stringify(word)}`)
}

function agree(wanted: string | undefined, type: string): string {
  if (wanted !== undefined && wanted !== type) throw new Error(`a value of type ${JSON.stringify(wanted)} is wanted`)
  return type
}

/** What the bus does not take would end the connection, or be read as something else. D-Bus specification, "Valid Object Paths". */
function parseText(text: string, type: string): Variant {
  if (text.includes('\0')) throw new Error('a text has no NUL character')
  if (type === 'o' && !/^\/(\w+(\/\w+)*)?$/.test(text)) throw new Error(`${JSON.stringify(text)} is not an object path`)
  if (type === 'g' && text.length > 255) throw new Error('the signature is too long')
  if (type === 'g') splitSignature(text)
  return new Variant(type, text)
}

function parseNumber(word: string, wanted: string | undefined): Variant {
  const real = wanted === 'd' || (wanted === undefined && !/^[-+]?0x/i.test(word) && /[.e]/i.test(word))
  const type = real ? 'd' : wanted ?? 'i'
  const range = ranges[type]
  if (range === undefined && !real) throw new Error(`a value of type ${JSON.stringify(type)} is wanted`)
  if (real) {
    if (Number.isNaN(Number(word))) throw new Error(`${JSON.stringify(word)} is not a number`)
    return new Variant('d', Number(word))
  }
  const [, sign = '', digits = ''] = /^([-+]?)(0x[0-9a-f]+|[0-9]+)$/i.exec(word) ?? []
  if (digits === '') throw new Error(`${JSON.stringify(word)} is not an integer`)
  const value = BigInt(digits) * (sign === '-' ? -1n : 1n)
  if (value < range![0] || value > range![1]) throw new Error(`${word} is out of range`)
  return new Variant(type, type === 'x' || type === 't' ? value : Number(value))
}

/** All elements have the type of the first. */
function parseArray(words: string[], wanted: string | undefined): Variant {
  if (wanted !== undefined && !wanted.startsWith('a')) throw new Error(`a value of type ${JSON.stringify(wanted)} is wanted`)
  let element = wanted?.slice(1)
  const values: unknown[] = []
  while (words[0] !== ']') {
    const { signature, value } = parseValue(words, element)
    element = signature
    values.push(value)
    if (words[0] === ',') words.shift()
    else if (words[0] !== ']') throw new Error('the array does not end')
  }
  words.shift()
  if (element === undefined) throw new Error('an empty array needs a type')
  return new Variant(splitSignature(`a${element}`)[0]!, values)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

const unquote = (word: string): string =>
  word.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, letter: string) =>
    code === undefined ? escapes[letter] ?? letter : String.fromCharCode(parseInt(code, 16)))
