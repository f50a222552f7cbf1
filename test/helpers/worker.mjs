// Another process that works on containers: `ROOT LIBRARY` as arguments; gets [number, operation, id, spec], answers with
// the number and the code of the error, or `ok`.
const [root, library] = process.argv.slice(2)
const { Runtime } = await import(library)
const runtime = new Runtime({ root })
const options = { bundle: '/', stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }
const operations = {
  create: (id, spec) => runtime.create({ ...options, id, spec }),
  run: (id, spec) => runtime.run({ ...options, id, spec }),
  start: async (id) => (await runtime.load(id)).start(),
  kill: async (id) => (await runtime.load(id)).kill('SIGKILL'),
  pause: async (id) => (await runtime.load(id)).pause(),
  resume: async (id) => (await runtime.load(id)).resume(),
  update: async (id) => (await runtime.load(id)).update({ pids: { limit: 20 + Math.floor(Math.random() * 100) } }),
  exec: async (id) => {
    const added = await (await runtime.load(id)).exec({ args: ['true'], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
    await added.wait()
  },
  delete: (id) => runtime.delete(id, { force: true }),
  // As `nrunc delete`: one that is not stopped is refused, unless it was never started.
  remove: (id) => runtime.delete(id),
}
process.on('message', ([number, operation, id, spec]) => {
  const answer = (text) => process.send([number, text])
  operations[operation](id, spec).then(() => answer('ok'), (error) => answer(error.code ?? String(error.stack)))
})
process.send('ready')
