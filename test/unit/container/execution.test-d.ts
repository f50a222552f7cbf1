/**
 * What an execution resolves to; `tsc` is the test.
 */
import type { ExitError, Runtime } from '../../../lib/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const holds = <T extends true>(): T | undefined => undefined

declare const runtime: Runtime

const plain = await runtime.execute({ id: 'a' })
holds<Equal<typeof plain.stdout, string>>()
// @ts-expect-error a program that fails is a rejection: there is no message
plain.message

const either = await runtime.execute({ id: 'a', reject: false, encoding: 'buffer' })
holds<Equal<typeof either.message, string | undefined>>()
if (either.failed) {
  either.stdout satisfies Buffer
  either satisfies ExitError
  holds<Equal<typeof either.code, ExitError['code']>>()
} else {
  holds<Equal<typeof either.stdout, Buffer>>()
  holds<Equal<typeof either.message, undefined>>()
}
