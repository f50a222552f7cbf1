'use strict'
// cli-cache.cjs BUNDLE SCRATCH: loads the bundle as bin/nrunc.cjs does, runs commands that leave nothing behind (the
// container has no root file system), and writes what V8 has compiled beside the bundle.
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

const [file, scratch] = process.argv.slice(2)
// The same function around the bundle as there: V8 takes its cache for this text alone.
const source = readFileSync(file, 'latin1')
const script = new Script(`(function (module, require, __dirname, __filename) {${source}\n})`, { filename: file })
const bundle = {}
script.runInThisContext()(bundle, require, dirname(file), file)

const run = async () => {
  const { main } = bundle.exports
  const at = (name) => join(scratch, name)
  mkdirSync(at('bundle'))
  const global = ['--root', at('state'), '--log', at('log'), '--log-format', 'json']
  await main(['--version'])
  await main([...global, 'spec', '--bundle', at('bundle')])
  const config = JSON.parse(readFileSync(at('bundle/config.json'), 'utf8'))
  config.process.terminal = false
  writeFileSync(at('bundle/config.json'), JSON.stringify(config))
  for (const words of [
    ['run', '--bundle', at('bundle'), 'a'],
    ['create', '--bundle', at('bundle'), '--pid-file', at('pid'), 'a'],
    ['start', 'a'],
    ['state', 'a'],
    ['list', '--format', 'json'],
    ['kill', 'a', 'KILL'],
    ['exec', '--user', '1:1', 'a', 'true'],
    ['delete', '--force', 'a'],
  ]) {
    await main([...global, ...words])
  }
}

run().then(() => {
  writeFileSync(file.replace(/\.cjs$/, '.cache'), script.createCachedData())
  process.exit(0)
})
