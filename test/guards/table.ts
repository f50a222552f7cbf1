/**
 * The guards of docs/security.md. What stands here is looked for in the sources by unit/guards.test.ts.
 */
import type { Guard } from './guard.ts'
import { hostGuards } from './host.ts'
import { initGuards } from './init.ts'
import { libraryGuards } from './library.ts'

export const guards: readonly Guard[] = [...initGuards, ...hostGuards, ...libraryGuards]
