#!/usr/bin/env node
'use strict'
// Runs dist/cli.cjs. dist/cli.cache holds what V8 compiled of it at build time; where it does not fit this Node it is
// rejected without a word, and the source is compiled as usual. The bundle is ASCII: latin1 reads it without decoding.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const directory = `${__dirname}/../dist`
const filename = `${directory}/cli.cjs`
let cachedData
try {
  cachedData = readFileSync(`${directory}/cli.cache`)
} catch {}
const source = readFileSync(filename, 'latin1')
const script = new Script(`(function (module, require, __dirname, __filename) {${source}\n})`, { filename, cachedData })
const bundle = {}
script.runInThisContext()(bundle, require, directory, filename)
// On the next tick: warnings are printed on one.
bundle.exports.main(process.argv.slice(2)).then((code) => process.nextTick(() => process.exit(code)))
