/**
 * Builds the command line: dist/cli.cjs, one file.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** node:module costs half a millisecond, and the function that the bundle is has a require() of its own. */
const withoutModule = {
  name: 'without-module',
  setup(setup) {
    setup.onResolve({ filter: /^node:module$/ }, ({ path }) => ({ path, namespace: 'module' }))
    setup.onLoad({ filter: /.*/, namespace: 'module' }, () => ({ contents: 'exports.createRequire = () => require' }))
  },
}

/**
 * Builtin modules that take 1-2 ms each to load and that few commands use: loaded at the first use of one of their
 * exports, wherever in the library they are imported.
 */
const lateModules = {
  name: 'late-modules',
  setup(setup) {
    setup.onResolve({ filter: /^node:(crypto|net|tty|child_process|stream|(fs|stream|timers)\/promises)$/ }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late' })
    setup.onLoad({ filter: /.*/, namespace: 'late' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => name !== 'default')
      const getters = names.map((name) => `get ${name}(){return require("${path}").${name}}`)
      return { contents: `module.exports={${getters.join(',')}}` }
    })
  },
}

/** Modules of the library whose classes extend a stream: loaded when the first of them is made. */
const lateClasses = {
  name: 'late-classes',
  setup(setup) {
    setup.onResolve({ filter: /\/output-stream\.ts$/ }, ({ path, resolveDir, namespace }) =>
      namespace === 'late-class' ? undefined : { path: join(resolveDir, path), namespace: 'late-class' })
    setup.onLoad({ filter: /.*/, namespace: 'late-class' }, ({ path }) => {
      const names = [...readFileSync(path, 'utf8').matchAll(/^export class (\w+)/gm)].map(([, name]) => name)
      const late = (name) => `export const ${name}=new Proxy(function(){},{construct:(_,args)=>new(require("${path}").${name})(...args),` +
        `get:(_,name)=>require("${path}").${name}[name]})`
      return { contents: names.map(late).join(';'), resolveDir: root }
    })
  },
}

const commit = () => {
  try {
    const stdio = ['ignore', 'pipe', 'ignore']
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio }).trim()
  } catch {
    return 'unknown'
  }
}

/** esbuild's options for dist/cli.cjs. ASCII, because bin/nrunc.cjs reads it as latin1. */
export const bundleOptions = () => ({
  entryPoints: [join(root, 'lib/cli/main.ts')],
  outfile: join(root, 'dist/cli.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  charset: 'ascii',
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: true,
  legalComments: 'none',
  // import() of a builtin module becomes require(): a script with cached code has no loader for import().
  supported: { 'dynamic-import': false },
  external: ['node-gyp-build'],
  // One function expression, which bin/nrunc.cjs calls: wrapping the text there would copy it. `home.directory` is where
  // this file stands, which a start image of Node (scripts/snapshot.mjs) only learns when it is started.
  banner: {
    js: "(function(module,require,home){const nrunc={get url(){return require('node:url').pathToFileURL(home.directory+'/cli.cjs').href}};",
  },
  footer: { js: '})' },
  define: {
    'import.meta.url': 'nrunc.url',
    __dirname: 'home.directory',
    NRUNC_VERSION: JSON.stringify(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version),
    NRUNC_COMMIT: JSON.stringify(commit()),
  },
  plugins: [lateModules, lateClasses, withoutModule],
})

/** Writes dist/cli.cjs. */
export const buildCommandLine = () => build(bundleOptions())
