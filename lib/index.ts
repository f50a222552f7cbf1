/**
 * The public API of nrunc.
 */
export { Runtime } from './runtime.ts'
export { Template, type TemplateOptions, type TemplateStart } from './template.ts'
export { Container } from './container.ts'
export { ContainerProcess } from './process.ts'
export type { Output, OutputOptions } from './collect.ts'
export { Execution, type ExecutionOptions, type ExecutionResult } from './execution.ts'
export { ExitError, type ExitFields } from './exit-error.ts'
export type { DeadlineOptions } from './deadline.ts'
export type { CopyOptions } from './files/copy.ts'
export type { ReadFileOptions } from './files/read.ts'
export type { FileData, Owner, WriteFileOptions } from './files/write.ts'
export type { HookFunction, HookFunctions, HookState } from './hooks.ts'
export { Terminal } from './terminal.ts'
export type { BlockIoEntry, MemoryUsage, Pressure, PressureLine, Statistics } from './cgroup/statistics.ts'
export type { CgroupWatch, OomListener, PressureLevel, PressureListener } from './cgroup/watch.ts'
export { type ErrorCode, errorCodes, type ErrorDetails, NruncError, type Problem } from './errors.ts'
export type {
  CreateOptions, ExecOptions, ExitResult, NotifyOptions, ProcessExit, StartOptions, State, Status, Stdio, StdioOptions,
} from './options.ts'
export { type Features, features } from './features.ts'
export { defaultSpec, rootlessSpec } from './spec/defaults.ts'
export { explain, type ExplainedStep, type ExplainOptions } from './explain.ts'
export { type HostBundle, hostBundle, type HostBundleOptions, writeHostBundle } from './host-bundle.ts'
export type { Timing, Timings } from './timings.ts'
export { validateSpec } from './spec/validate.ts'
export type * from './spec/schema.ts'
