// The image of the virtual machine, and the programs that it takes to make and to run it.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { freemem, homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt, Unable } from './attempt.mjs'

const script = fileURLToPath(new URL('image', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nrunc-vm')

/** Programs by the package of Debian that has them. */
const tools = { 'qemu-system-x86_64': 'qemu-system-x86', mmdebstrap: 'mmdebstrap', mke2fs: 'e2fsprogs', debugfs: 'e2fsprogs' }

const isMissing = (program) => attempt('sh', ['-c', `command -v ${program}`]) !== undefined

/** @throws Unable */
export function requireTools() {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Unable('only on x86-64')
  if (process.geteuid() !== 0) throw new Unable('making the image takes root')
  if (freemem() < 3.5 * 2 ** 30) throw new Unable('the machine needs 3 GiB of memory')
  const packages = [...new Set(Object.keys(tools).filter(isMissing).map((program) => tools[program]))]
  if (packages.length === 0) return
  if (isMissing('apt-get')) throw new Unable(`needs ${packages.join(', ')}`)
  console.log(`vm: installing ${packages.join(' ')}`)
  const apt = ['-qq', '-o', 'Dpkg::Use-Pty=0', 'install', '-y', '--no-install-recommends', ...packages, 'seabios']
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, seconds: 300 }
  let problem = attempt('apt-get', apt, options)
  if (problem !== undefined) problem = attempt('apt-get', ['-qq', 'update'], options) ?? attempt('apt-get', apt, options)
  if (problem !== undefined) throw new Unable(`cannot install ${packages.join(', ')}: ${problem}`)
}

/**
 * Its directory. It is made once, and again when the script that makes it has changed.
 *
 * @throws Unable
 */
export function image() {
  const stamp = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 16)
  const directory = join(cache, stamp)
  if (existsSync(directory)) return directory
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  for (const old of readdirSync(cache)) rmSync(join(cache, old), { recursive: true })
  const fresh = mkdtempSync(join(cache, 'new-'))
  const begun = Date.now()
  console.log('vm: making the image')
  const problem = attempt('bash', [script, fresh], { seconds: 900 })
  if (problem !== undefined) {
    rmSync(fresh, { recursive: true, force: true })
    throw new Unable(`cannot make the image: ${problem}`)
  }
  renameSync(fresh, directory)
  console.log(`vm: the image is made (${Math.round((Date.now() - begun) / 1000)} s)`)
  return directory
}
