import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { completionScript, type Definitions, type Shell, shells } from '../../../lib/cli/completion.ts'
import { definitions } from '../../../lib/cli/main.ts'

const isInstalled = (shell: Shell): boolean => spawnSync(shell, ['--version']).status === 0

/** How a script is asked for the candidates of a line whose last word is being typed, with two containers at hand. */
const ask: Record<Shell, (script: string, words: readonly string[]) => string> = {
  bash: (script, words) => `nrunc() { printf '%s\\n' web-1 db "$1-$2"; }; source ${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _nrunc; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // compadd works only while a line is edited: here it filters by what is typed, as it does there.
  zsh: (script, words) => `nrunc() { printf '%s\\n' web-1 db "$1-$2" }; compdef() { }; _files() { print -l FILES }
compadd() { shift; print -l -- \${(M)@:#\${words[CURRENT]}*} }; source ${script}
words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _nrunc`,
  fish: (script, words) => `function nrunc; printf '%s\\n' web-1 db "$argv[1]-$argv[2]"; end; source ${script}; complete -C '${words.join(' ')}'`,
}

let directory: string
let all: Definitions
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nrunc-completion-'))
  all = await definitions()
})
afterAll(() => rmSync(directory, { recursive: true }))

for (const shell of shells) describe.skipIf(!isInstalled(shell))(isInstalled(shell) ? shell : `${shell} (skipped: not installed)`, () => {
  const complete = (line: string): string[] => {
    const script = join(directory, shell)
    writeFileSync(script, completionScript(shell, all))
    const { status, stdout, stderr } = spawnSync(shell, ['-c', ask[shell](script, line.split(' '))], {
      encoding: 'utf8', cwd: directory, env: { PATH: process.env['PATH'], HOME: directory, TERM: 'dumb' },
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout.split('\n').map((one) => one.split('\t')[0] as string).filter(Boolean)
  }

  test('commands, flags and ids', () => {
    expect(complete('nrunc ')).toEqual(expect.arrayContaining(['create', 'exec', 'help', 'state']))
    expect(complete('nrunc sta').sort()).toEqual(['start', 'state'])
    expect(complete('nrunc --debug --root /x exec --ignore')).toEqual(['--ignore-paused'])
    expect(complete('nrunc delete -f ').sort()).toEqual(['db', 'list--q', 'web-1'])
    expect(complete('nrunc --root /other state ')).toContain('--root-/other')
    expect(complete('nrunc state w')).toEqual(['web-1'])
    expect(complete('nrunc create ')).not.toContain('web-1')
    expect(complete('nrunc help ps')).toEqual(['ps'])
    expect(complete('nrunc kill --a')).toEqual([]) // hidden
  })

  test('the value of a flag is a file', () => {
    const files = complete('nrunc run --bundle ')
    expect(files).not.toContain('web-1')
    expect(files.some((one) => ['FILES', shell].includes(one))).toBe(true)
  })
})
