'use strict'
// cli-snapshot.cjs ROOT: for `node --build-snapshot`. Loads dist/cli.cjs, with what is compiled of it in dist/cache, and goes
// no further than a command does before it looks at the host: what is in a start image is the same for every start.
const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const { isBuiltin, createRequire } = require('node:module')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { setFlagsFromString, startupSnapshot } = require('node:v8')
const { Script } = require('node:vm')

const home = { directory: join(process.argv[2], 'dist') }

/** A start image has a require() of its own, for Node's modules only. */
const load = (name) => {
  if (isBuiltin(name)) return require(name)
  if (!name.endsWith('.node')) return createRequire(join(home.directory, 'cli.cjs'))(name)
  const addon = { exports: {} }
  process.dlopen(addon, name)
  return addon.exports
}

/** Node's own functions are compiled when they are called first; those that every container needs are called here. */
const callNode = () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'nrunc-build-'))
  const [file, other] = [join(directory, 'a'), join(directory, 'b')]
  fs.mkdirSync(join(directory, 'c'))
  fs.writeFileSync(file, 'text', { mode: 0o600 })
  for (const encoding of [undefined, 'utf8', 'latin1']) fs.readFileSync(file, encoding)
  fs.renameSync(file, other)
  fs.existsSync(file)
  fs.readlinkSync('/proc/self/exe')
  for (const name of [file, other]) fs.statSync(name, { throwIfNoEntry: false })
  const fd = fs.openSync(other, 'a', 0o644)
  fs.writeSync(fd, Buffer.from('text'))
  fs.closeSync(fd)
  fs.readdirSync(directory)
  fs.readdirSync(directory, { withFileTypes: true }).map((entry) => entry.isDirectory())
  fs.unlinkSync(other)
  fs.rmdirSync(join(directory, 'c'))
  fs.rmdirSync(directory)
  const bytes = Buffer.from('sixteen bytes...').subarray(0, 16)
  bytes.writeUInt32LE(bytes.readUInt32LE(0), 8)
  bytes.readInt32LE(0)
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(0), 8)
  bytes.write('text', bytes.writeUInt32LE(4, 0), 'latin1')
  bytes.copy(Buffer.concat([bytes, bytes.slice(1)]), 1)
  bytes.equals(Buffer.from('text'))
  Buffer.byteLength('text')
  new EventEmitter().on('event', callNode).removeAllListeners('event')
  clearImmediate(setImmediate(callNode))
  // What runs between the callbacks of a turn of the event loop: nothing to do, and something for the next tick.
  for (const callback of [() => {}, () => process.nextTick(() => {}), () => {}]) setImmediate(callback)
  process.hrtime()
  process.hrtime.bigint()
}

const bundle = {}
const filename = join(home.directory, 'cli.cjs')
const script = new Script(fs.readFileSync(filename, 'latin1'), { filename, cachedData: fs.readFileSync(join(home.directory, 'cache')) })
// V8 of Node 22 and later takes no compiled code here, and an image without it is slower than none.
if (script.cachedDataRejected) process.exit(1)
setFlagsFromString('--no-flush-bytecode')
script.runInThisContext()(bundle, load, home)
callNode()
bundle.exports.prepare()

// What process.exit() does once it has told the listeners of `exit`: there are none.
const leave = process.nextTick.bind(process, process.reallyExit)

startupSnapshot.setDeserializeMainFunction(() => {
  const [, program, ...words] = process.argv
  home.directory = join(dirname(program), '../dist')
  bundle.exports.main(words).then(leave)
})
