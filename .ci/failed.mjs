// failed.mjs REPORT: the files with a failure in the report of vitest's JSON reporter, a line each.
import { readFileSync } from 'node:fs'

const { testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
for (const { name, status } of testResults) if (status === 'failed') console.log(name)
