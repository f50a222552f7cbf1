// npm's install script: checks that a binary of the addon loads here, or else builds one from source; and makes the
// command ready for this Node. In a git checkout it only says how to go on.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installLauncher } from './launcher.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** What keeps the addon from loading; undefined when it loads. */
function obstacle() {
  try {
    createRequire(join(root, 'package.json'))('node-gyp-build')(root)
  } catch (error) {
    return error.message.split('\n')[0]
  }
}

/** node-gyp is npm's own; it downloads Node's headers where Node came without them. */
function buildFromSource() {
  const prefix = join(dirname(process.execPath), '..')
  const words = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : []
  const nodeGyp = process.env.npm_config_node_gyp
  const [program, before] = nodeGyp ? [process.execPath, [nodeGyp]] : ['node-gyp', []]
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }
  return spawnSync(program, [...before, 'rebuild', '--jobs=max', ...words], options).status === 0
}

function install() {
  if (existsSync(join(root, 'lib/index.ts'))) {
    console.log('nrunc: a git checkout: build it with `npm run build`; `./scripts/setup` also installs what that needs')
    return 0
  }
  const before = obstacle()
  if (before !== undefined) {
    console.error(`nrunc: no binary fits, building from source: ${before}`)
    const after = buildFromSource() ? obstacle() : 'the build failed, see above'
    if (after !== undefined) {
      console.error(
        `nrunc: cannot be installed: there is no binary for ${process.platform}-${process.arch} in ` +
        `${join(root, 'prebuilds')}, and none can be built: ${after}. A build needs g++ 10, make and python3; ` +
        'on Debian: apt-get install -y g++ make python3')
      return 1
    }
  }
  installLauncher([join(root, 'bin/nrunc')])
  return 0
}

process.exitCode = install()
