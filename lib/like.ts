/**
 * The shapes of the library without its classes: what a program is written against that wants to be tested with
 * `nrunc/mock`.
 */
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { RestoreOptions } from './checkpoint/options.ts'
import type { Container } from './container/container.ts'
import type { ContainerEvents } from './container/events.ts'
import type { Execution, ExecutionOptions } from './container/execution.ts'
import type { CreateOptions, ExecOptions } from './options/options.ts'
import type { ContainerProcess } from './container/process.ts'
import type { Pool, PoolAcquire, PoolOptions } from './start/pool.ts'
import type { Runtime } from './runtime.ts'
import type { Template, TemplateOptions, TemplateStart } from './start/template.ts'
import type { Terminal } from './streams/terminal.ts'

/** What the library calls on its own objects. */
type Internal = 'obey' | 'relay' | 'runStarted' | 'ended'

/** A {@link Terminal}, or one of the mock. */
export interface TerminalLike extends Duplex, Pick<Terminal, 'resize'> {}

/** A {@link ContainerProcess}, or one of the mock. */
export interface ProcessLike extends Pick<ContainerProcess, Exclude<keyof ContainerProcess, Internal | 'terminal'>> {
  readonly terminal: TerminalLike | null
}

type Different = 'exec' | 'execute' | 'terminal' | keyof EventEmitter

/** A {@link Container}, or one of the mock. */
export interface ContainerLike
  extends EventEmitter<ContainerEvents>, Pick<Container, Exclude<keyof Container, Internal | Different>> {
  readonly terminal: TerminalLike | null
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
