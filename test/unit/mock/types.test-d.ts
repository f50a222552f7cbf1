/**
 * What the types promise; `tsc` is the test.
 */
import type {
  Container, ContainerLike, ContainerProcess, Pool, PoolLike, ProcessLike, Runtime, RuntimeLike, Template, TemplateLike,
  Terminal, TerminalLike,
} from '../../../lib/index.ts'
import type { MockContainer, MockPool, MockProcess, MockRuntime, MockTemplate, MockTerminal } from '../../../lib/mock/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const holds = <T extends true>(): T | undefined => undefined
const is = <A, B extends A>(): [A, B] | undefined => undefined

// A program that is written against the shapes takes the library and the mock.
is<RuntimeLike, Runtime>()
is<RuntimeLike, MockRuntime>()
is<ContainerLike, Container>()
is<ContainerLike, MockContainer>()
is<ProcessLike, ContainerProcess>()
is<ProcessLike, MockProcess>()
is<TerminalLike, Terminal>()
is<TerminalLike, MockTerminal>()
is<TemplateLike, Template>()
is<TemplateLike, MockTemplate>()
is<PoolLike, Pool>()
is<PoolLike, MockPool>()
// And nothing that is public is missing there.
holds<Equal<keyof RuntimeLike, keyof Runtime>>()
holds<Equal<keyof TemplateLike, Exclude<keyof Template, 'blueprint' | 'planOptions'>>>()
holds<Equal<keyof PoolLike, Exclude<keyof Pool, 'fill'>>>()

declare const runtime: Runtime
declare const like: RuntimeLike
const result = await runtime.execute({ host: { args: ['true'] } })
holds<Equal<typeof result.stdout, string>>()
const lines = await runtime.execute({ host: {}, lines: true })
holds<Equal<typeof lines.stdout, string[]>>()
const bytes = await like.execute({ host: {}, encoding: 'buffer', stderr: 'ignore' })
holds<Equal<typeof bytes.stdout, Buffer>>()
holds<Equal<typeof bytes.stderr, undefined>>()
const none = await runtime.execute({ host: {}, buffer: false })
holds<Equal<typeof none.stdout, undefined>>()

const template = await like.compile({})
const { stdout: templated } = await template.execute({ lines: true })
templated satisfies string[]
const pool = await like.pool({ size: 2 })
const { stdout: pooled } = await pool.execute({ stderr: 'ignore' })
pooled satisfies string
// @ts-expect-error a container that is there already gets no mounts
await pool.acquire({ mounts: [] })

const container = await runtime.run({})
holds<Equal<Awaited<ReturnType<typeof container.readFile>>, Buffer>>()
const content: string = await container.readFile('/a', { encoding: 'utf8' })
container.once('exit', ({ code, oomKilled }) => [code satisfies number | null, oomKilled satisfies boolean, content])
for await (const statistics of container.stats({ interval: 5 })) statistics.memory.oomKills satisfies number
for await (const line of container) line satisfies string

// @ts-expect-error an unknown option
await runtime.execute({ hots: {} })
// @ts-expect-error a hook that runs in the container is no function
await runtime.run({ hooks: { startContainer: () => {} } })
// @ts-expect-error what does not exist
await container.readFile('/a', { encoding: 'utf9' })
// @ts-expect-error no such event
container.on('nosuch', () => {})
