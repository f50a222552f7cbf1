#!/usr/bin/env node
'use strict'
// Runs dist/cli.cjs. dist/cli.cache holds what V8 compiled of it at build time; where it does not fit this Node it is
// rejected without a word, and the source is compiled as usual. The bundle is ASCII: latin1 reads it without decoding.
const { readFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { dirname, resolve } = require('node:path')
const { Script } = require('node:vm')

const file = resolve(__dirname, '../dist/cli.cjs')
let cachedData
try {
  cachedData = readFileSync(resolve(__dirname, '../dist/cli.cache'))
} catch {}
const script = new Script(wrap(readFileSync(file, 'latin1')), { filename: file, cachedData })
const bundle = { exports: {} }
script.runInThisContext()(bundle.exports, createRequire(file), bundle, file, dirname(file))
bundle.exports.main(process.argv.slice(2)).then((code) => process.exit(code))
