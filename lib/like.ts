/**
 * The shapes of the library without its classes: what a program is written against that wants to be tested with
 * `nrunc/mock`.
 */
import type { EventEmitter } from 'node:events'
import type { RestoreOptions } from './checkpoint/options.ts'
import type { Container } from './container.ts'
import type { ContainerEvents } from './events.ts'
import type { Execution, ExecutionOptions } from './execution.ts'
import type { CreateOptions, ExecOptions } from './options.ts'
import type { ContainerProcess } from './process.ts'
import type { Pool, PoolAcquire, PoolOptions } from './pool.ts'
import type { Runtime } from './runtime.ts'
import type { Template, TemplateOptions, TemplateStart } from './template.ts'

/** What the library calls on its own objects. */
type Internal = 'obey' | 'relay' | 'runStarted' | 'ended'

/** A {@link ContainerProcess}, or one of the mock. */
export type ProcessLike = Pick<ContainerProcess, Exclude<keyof ContainerProcess, Internal>>

type Different = 'exec' | 'execute' | keyof EventEmitter

/** A {@link Container}, or one of the mock. */
export interface ContainerLike
  extends EventEmitter<ContainerEvents>, Pick<Container, Exclude<keyof Container, Internal | Different>> {
  exec(options: ExecOptions): Promise<ProcessLike>
  execute<const O extends ExecOptions & ExecutionOptions>(options: O): Execution<ProcessLike, O>
}

/** A {@link Template}, or one of the mock. */
export interface TemplateLike extends Pick<Template, 'spec' | 'close' | typeof Symbol.asyncDispose> {
  create(options?: TemplateStart): Promise<ContainerLike>
  run(options?: TemplateStart): Promise<ContainerLike>
  execute<const O extends TemplateStart & ExecutionOptions>(options: O): Execution<ContainerLike, O>
}

/** A {@link Pool}, or one of the mock. */
export interface PoolLike extends Pick<Pool, 'size' | 'ready' | 'close' | typeof Symbol.asyncDispose> {
  acquire(options?: PoolAcquire): Promise<ContainerLike>
  execute<const O extends PoolAcquire & ExecutionOptions>(options: O): Execution<ContainerLike, O>
}

/** What {@link Runtime} and `MockRuntime` have in common. */
export interface RuntimeLike extends Pick<Runtime, 'root' | 'delete'> {
  create(options: CreateOptions): Promise<ContainerLike>
  run(options: CreateOptions): Promise<ContainerLike>
  execute<const O extends CreateOptions & ExecutionOptions>(options: O): Execution<ContainerLike, O>
  restore(options: RestoreOptions): Promise<ContainerLike>
  load(id: string): Promise<ContainerLike>
  list(): Promise<ContainerLike[]>
  compile(options: TemplateOptions): Promise<TemplateLike>
  pool(options: PoolOptions): Promise<PoolLike>
}
