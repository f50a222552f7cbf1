'use strict'
// cli-cache.cjs BUNDLE SCRATCH: loads the bundle as bin/nrunc.cjs does, runs the commands that have to start fast, and
// writes what V8 has compiled of it beside it. The containers are made of the host's own programs and are deleted
// again; where none can be made (no rights, no namespaces), the commands fail, and the cache lacks what comes after.
const { readFileSync, writeFileSync } = require('node:fs')
const { dirname, join } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

// V8 drops code that has not run for a while; here it is all wanted.
setFlagsFromString('--no-flush-bytecode')

const [file, scratch] = process.argv.slice(2)
const script = new Script(readFileSync(file, 'latin1'), { filename: file })
const bundle = {}
script.runInThisContext()(bundle, require, dirname(file), file)

const run = async () => {
  const global = ['--root', join(scratch, 'state'), '--log', join(scratch, 'log'), '--log-format', 'json']
  const nrunc = (...words) => bundle.exports.main([...global, ...words])
  const makeBundle = async (name, ...args) => {
    const directory = join(scratch, name)
    await nrunc('spec', '--host', ...(process.geteuid() === 0 ? [] : ['--rootless']), '--bundle', directory, ...args)
    const path = join(directory, 'config.json')
    const config = JSON.parse(readFileSync(path, 'utf8'))
    if (process.geteuid() === 0) config.linux.cgroupsPath = `/nrunc-build-${process.pid}`
    writeFileSync(path, JSON.stringify(config))
    return directory
  }
  const [short, long] = [await makeBundle('short', 'true'), await makeBundle('long', 'sleep', '10')]
  await nrunc('run', '--bundle', short, 'a')
  let over = false
  const foreground = nrunc('run', '--bundle', long, 'b').then(() => { over = true })
  while (!over && await nrunc('state', 'b') !== 0) await new Promise((resolve) => setTimeout(resolve, 10))
  await nrunc('exec', '--user', '0:0', 'b', 'true')
  await nrunc('kill', 'b', 'KILL')
  await foreground
  // After this one the ends of processes are left for others: it comes last.
  await nrunc('create', '--bundle', long, '--pid-file', join(scratch, 'pid'), 'c')
  await nrunc('start', 'c')
  await nrunc('list', '--format', 'json')
  await nrunc('kill', 'c', 'KILL')
  await nrunc('delete', '--force', 'c')
}

run().then(() => {
  setFlagsFromString('--flush-bytecode') // a cache fits one set of options
  writeFileSync(file.replace(/\.cjs$/, '.cache'), script.createCachedData())
  process.exit(0)
})
