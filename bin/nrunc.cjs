#!/usr/bin/env node
'use strict'
// Runs dist/cli.cjs, the text of one function. dist/cache holds what V8 has compiled of it for each of the usual commands;
// where it does not fit this Node it is rejected without a word, and the text is compiled as usual. It is ASCII, for which
// latin1 needs no decoding.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const cached = ['create', 'delete', 'exec', 'kill', 'run', 'spec', 'start', 'state']

const directory = `${__dirname}/../dist`
const filename = `${directory}/cli.cjs`
// A value of an option may be called as a command is: then it is another command's code that is compiled already.
const command = process.argv.find((word) => cached.includes(word)) ?? 'state'
let cachedData
try {
  cachedData = readFileSync(`${directory}/cache/${command}`)
} catch {}
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData })
const bundle = {}
script.runInThisContext()(bundle, require, directory, filename)
// On the next tick: warnings are printed on one.
bundle.exports.main(process.argv.slice(2)).then((code) => process.nextTick(() => process.exit(code)))
