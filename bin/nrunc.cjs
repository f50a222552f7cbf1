#!/usr/bin/env node
'use strict'
// Runs dist/cli.cjs, the text of one function. dist/cache holds what V8 has compiled of it for the usual commands; where it
// does not fit this Node it is rejected without a word, and the text is compiled as usual. It is ASCII, for which latin1
// needs no decoding. Where there is a start image for this Node (dist/snapshot), the launcher takes that instead.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const directory = `${__dirname}/../dist`
const filename = `${directory}/cli.cjs`
let cachedData
try {
  cachedData = readFileSync(`${directory}/cache`)
} catch {}
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData })
const bundle = {}
script.runInThisContext()(bundle, require, { directory })
// On the next tick: warnings are printed on one.
bundle.exports.main(process.argv.slice(2)).then((code) => process.nextTick(() => process.exit(code)))
