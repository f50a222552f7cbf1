'use strict'
// cli-cache.cjs BUNDLE CACHE WORD...: runs one command line as bin/nrunc.cjs does, and adds to CACHE what V8 has compiled
// of the bundle for it. Only functions that have run are in a cache.
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

const [filename, cache, ...words] = process.argv.slice(2)
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData })
// V8 drops code that has not run for a while; here it is all wanted. A cache fits one set of options: not before it is read.
setFlagsFromString('--no-flush-bytecode')
const bundle = {}
script.runInThisContext()(bundle, require, { directory: dirname(filename) })

bundle.exports.main(words).then((code) => {
  setFlagsFromString('--flush-bytecode')
  writeFileSync(cache, script.createCachedData())
  process.exit(code)
})
