// npm run prebuild: prebuildify fills prebuilds/linux-ARCH/. With --out DIR: DIR/prebuilds/linux-ARCH/.
//
// The addon is compiled in a scratch directory, because prebuildify moves what it has built out of build/, where the
// library of this checkout looks first.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({ options: { out: { type: 'string', default: root } } })

/** node-gyp would download the headers of the version that prebuildify names; Node-API's are the same in all. */
const prefix = join(dirname(process.execPath), '..')
const env = { npm_config_loglevel: 'warn', npm_config_jobs: 'max', ...process.env }
if (existsSync(join(prefix, 'include/node/node_api.h'))) env.npm_config_nodedir = prefix
else console.error(`nrunc: ${prefix}/include/node has no headers: prebuildify downloads them`)

const scratch = mkdtempSync(join(tmpdir(), 'nrunc-prebuild-'))
let status
try {
  for (const name of ['addon', 'binding.gyp', 'package.json']) {
    cpSync(join(root, name), join(scratch, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'))
  const words = ['--napi', '--strip', '--tag-libc', '--cwd', scratch, '--out', resolve(values.out)]
  const program = join(root, 'node_modules/prebuildify/bin.js')
  status = spawnSync(process.execPath, [program, ...words], { stdio: ['ignore', 'inherit', 'inherit'], env }).status
  // prebuildify knows addons alone.
  const launcher = 'nrunc_launcher'
  const to = join(resolve(values.out), `prebuilds/linux-${process.arch}`)
  if (status === 0) cpSync(join(scratch, 'build/Release', launcher), join(to, launcher))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.exit(status ?? 1)
