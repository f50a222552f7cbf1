/**
 * dist/snapshot: a start image of Node in which the command line is loaded already. Source of its form:
 * src/node_snapshotable.cc of Node, the same in 20 to 26. What is made here is tried before it is used, and where it cannot
 * be made the command starts without.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The flag by which Node knows that nothing in the image depends on the processor and on V8's options. */
const WITHOUT_CODE_CACHE = 1

/** Reads the parts of an image one after the other. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  skip(size) {
    this.at += size
    if (!(size >= 0 && this.at <= this.bytes.length)) throw new RangeError('a start image of another form')
  }

  size() {
    this.skip(8)
    return Number(this.bytes.readBigUInt64LE(this.at - 8))
  }
}

/** Whether the compiled code of Node's modules, which ends the image, begins at AT: a list of names and code. */
const isCodeCache = (bytes, at) => {
  try {
    const reader = new Reader(bytes, at)
    const count = reader.size()
    if (count === 0 || count > 10_000) return false
    for (let index = 0; index < count; index++) {
      reader.skip(reader.size())
      reader.skip(reader.size())
    }
    return reader.at === bytes.length
  } catch {
    return false
  }
}

/**
 * Without the compiled code of all of Node's modules, more than half of the image, which is read and copied at each start.
 * What a command calls is in the heap with its code.
 *
 * @throws Error when the image has another form
 */
export const slim = (image) => {
  const bytes = Buffer.from(image)
  const header = new Reader(bytes)
  header.skip(4 + 1) // magic, type
  for (let text = 0; text < 3; text++) header.skip(header.size()) // Node's version, processor, platform
  // Then, where the image is for one set of options of V8 only, their tag; and the flags, of which none is set.
  const tagged = header.at + 8 <= bytes.length && bytes.readUInt32LE(header.at + 4) === 0
  if (tagged) header.skip(4)
  const flags = header.at
  header.skip(4)
  header.skip(4)
  header.skip(bytes.readInt32LE(header.at - 4)) // the heap
  let at = header.at
  while (at < bytes.length && !isCodeCache(bytes, at)) at++
  if (at === bytes.length) throw new Error('a start image of another form')
  bytes.writeUInt32LE(WITHOUT_CODE_CACHE, flags)
  bytes.fill(0, at, at + 8)
  return bytes.subarray(0, at + 8)
}

/**
 * @param root The package's directory, with dist/cli.cjs and dist/cache.
 * @param options Of Node, as the command will have them.
 * @returns Whether there is one, in dist/snapshot.
 */
export const writeSnapshot = (root, options, env) => {
  const [path, program] = [join(root, 'dist/snapshot'), join(root, 'bin/nrunc.cjs')]
  const made = `${path}.${process.pid}`
  rmSync(path, { force: true })
  const run = (...words) => {
    const { status, stdout } = spawnSync(process.execPath, [...options, ...words], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 })
    return status === 0 ? stdout : undefined
  }
  try {
    if (run('--snapshot-blob', made, '--build-snapshot', join(root, 'scripts/cli-snapshot.cjs'), root) === undefined) return false
    writeFileSync(made, slim(readFileSync(made)))
    const version = run('--snapshot-blob', made, '--', program, '--version')
    if (version === undefined || version !== run(program, '--version')) return false
    renameSync(made, path)
    return true
  } catch {
    return false
  } finally {
    rmSync(made, { force: true })
  }
}
