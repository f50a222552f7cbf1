'use strict'
// cli-cache.cjs BUNDLE CACHE WORD...: runs one command line as bin/nrunc.cjs does, and writes to CACHE what V8 has compiled
// of the bundle for it. Only functions that have run are in a cache.
const { readFileSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

// V8 drops code that has not run for a while; here it is all wanted.
setFlagsFromString('--no-flush-bytecode')

const [file, cache, ...words] = process.argv.slice(2)
const script = new Script(readFileSync(file, 'latin1'), { filename: file })
const bundle = {}
script.runInThisContext()(bundle, require, dirname(file), file)

bundle.exports.main(words).then((code) => {
  setFlagsFromString('--flush-bytecode') // a cache fits one set of options
  writeFileSync(cache, script.createCachedData())
  process.exit(code)
})
