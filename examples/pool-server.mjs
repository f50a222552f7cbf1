// An HTTP server that runs every request in a container of its own: the body is a shell script, the answer what it wrote.
// Containers are kept ready, so that a request waits for an exec only. SIGTERM: requests come to their end, nothing stays.
//   node examples/pool-server.mjs 8080 & curl --data 'echo "hello from $(hostname)"' localhost:8080
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Runtime, writeHostBundle } from 'nrunc'

const bundle = await mkdtemp(join(tmpdir(), 'pool-server-'))
const spec = await writeHostBundle(bundle, { args: ['sh'] })
const pool = await new Runtime({ root: process.env.NRUNC_ROOT }).pool({ bundle, spec, size: 4 })

const server = createServer(async (request, response) => {
  response.shouldKeepAlive = server.listening // at the end nobody waits for a next request
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const limits = { timeout: 10_000, gracePeriod: 0, maxBuffer: 1 << 20 }
    const { failed, message, stdout } = await pool.execute({ input: request, signal: gone.signal, reject: false, ...limits })
    response.writeHead(failed ? 422 : 200).end(failed ? `${stdout}\n${message}\n` : `${stdout}\n`)
  } catch (error) {
    response.writeHead(503).end(`${error.message}\n`)
  }
})

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1')
await once(server, 'listening')
console.log(`http://127.0.0.1:${server.address().port}`)

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
server.close()
await once(server, 'close')
await pool.close()
await rm(bundle, { recursive: true })
