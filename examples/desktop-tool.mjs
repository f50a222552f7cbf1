// The main process of a desktop tool (Electron or anything else with an ipcMain): the window asks for a program to be run,
// gets its lines as they come, and can stop it. Nothing outlives the tool.
//   import { ipcMain, app } from 'electron'
//   const tool = serveTools(ipcMain)
//   app.on('before-quit', () => tool.close())
import { EventEmitter, once } from 'node:events'
import { Runtime } from 'nrunc'

export function serveTools(ipc, runtime = new Runtime({ root: process.env.NRUNC_ROOT })) {
  const running = new Map()
  const quit = new AbortController()

  ipc.on('tool:run', async (event, job, args) => {
    const own = new AbortController()
    running.set(job, own)
    const signal = AbortSignal.any([own.signal, quit.signal])
    try {
      const tool = runtime.execute({ host: { args }, signal, gracePeriod: 1000 })
      for await (const line of tool) event.sender.send('tool:line', job, line)
      event.sender.send('tool:end', job, { exitCode: 0 })
    } catch (error) {
      event.sender.send('tool:end', job, { exitCode: error.exitCode ?? null, error: error.message, hint: error.hint })
    } finally {
      running.delete(job)
    }
  })
  ipc.on('tool:stop', (_event, job) => running.get(job)?.abort())
  return { close: () => quit.abort(), get running() { return running.size } }
}

// Without Electron: an emitter in the place of ipcMain, and a window that prints.
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const ipc = new EventEmitter()
  const window = new EventEmitter()
  const event = { sender: { send: (name, ...values) => window.emit(name, ...values) } }
  serveTools(ipc)
  window.on('tool:line', (job, line) => {
    console.log(`${job}: ${line}`)
    if (job === 'endless') ipc.emit('tool:stop', event, job)
  })
  window.on('tool:end', (job, end) => console.log(`${job} has ended: ${JSON.stringify(end)}`))

  for (const [job, args] of Object.entries({ short: ['echo', 'hello'], wrong: ['no-such-tool'], endless: ['sh', '-c', 'echo on; sleep 3600'] })) {
    ipc.emit('tool:run', event, job, args)
    await once(window, 'tool:end')
  }
}
