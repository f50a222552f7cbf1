import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

/** What `lib/native/addon.ts` says that the addon has. */
const declaration = /^export interface Addon \{(.*?)^\}/ms.exec(readFileSync(path('lib/native/addon.ts'), 'utf8'))![1]!
const declared = [...declaration.matchAll(/^ {2}(\w+)\(/gm)]
  .map(([, name]) => name)

test('the declaration has every function that the addon exports, and no other', () => {
  const exported = [...readFileSync(path('addon/binding/addon.cc'), 'utf8').matchAll(/InstanceMethod\("(\w+)"/g)]
    .map(([, name]) => name)
  expect(declared.length).toBeGreaterThan(10)
  expect(declared.toSorted()).toEqual(exported.toSorted())
})
