// A reporter of vitest: a line of JSON for each file of tests when it ends, and one for the run, in the file that
// NRUNC_VM_REPORT names. So what ended is known even when the machine is stopped.
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs'

function report(line) {
  const fd = openSync(process.env.NRUNC_VM_REPORT, 'a')
  appendFileSync(fd, `${JSON.stringify(line)}\n`)
  fsyncSync(fd)
  closeSync(fd)
}

export default class {
  onTestModuleEnd(module) {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const test of module.children.allTests()) count[test.result().state === 'pending' ? 'skipped' : test.result().state]++
    // A file that cannot be loaded, or a hook that fails, is no test of its own.
    if (module.state() === 'failed' && count.failed === 0) count.failed = 1
    report({ file: module.relativeModuleId, ...count })
  }

  onTestRunEnd(_, errors, reason) {
    report({ end: reason, errors: errors.map(({ message }) => String(message)) })
  }
}
