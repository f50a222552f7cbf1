// Runs code that nobody has read: no network, no rights, 64 MB, 32 processes, half a processor, 2 seconds, 64 KB of output.
//   node examples/code-runner.mjs 'echo hello'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExitError, Runtime, writeHostBundle } from 'nrunc'

const runtime = new Runtime({ root: process.env.NRUNC_ROOT })

/** The host's own programs, read-only, for a user without any capability. */
async function sandbox(directory, script) {
  const spec = await writeHostBundle(directory, { args: ['sh', '-c', script] })
  return {
    ...spec,
    process: {
      ...spec.process, user: { uid: 65534, gid: 65534 }, noNewPrivileges: true,
      capabilities: { bounding: [], effective: [], permitted: [] },
    },
    linux: {
      ...spec.linux,
      resources: { ...spec.linux.resources, memory: { limit: 64 << 20 }, pids: { limit: 32 }, cpu: { quota: 50_000, period: 100_000 } },
    },
  }
}

/** What the code wrote, and how it ended. */
export async function runCode(script) {
  const bundle = await mkdtemp(join(tmpdir(), 'code-'))
  try {
    const spec = await sandbox(bundle, script)
    return await runtime.execute({ bundle, spec, timeout: 2000, gracePeriod: 0, maxBuffer: 65536, reject: false })
  } finally {
    await rm(bundle, { recursive: true, force: true })
  }
}

const result = await runCode(process.argv[2] ?? 'echo "hello from $(id -u)"')
process.stdout.write(`${result.stdout}\n`)
if (result instanceof ExitError) console.error(result.message)
process.exitCode = result.failed ? 1 : 0
