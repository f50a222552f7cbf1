/**
 * The table, the targets and the JSON.
 */
import type { Memory } from './memory.ts'
import { modes, subjects, type ModeName, type SubjectName } from './options.ts'
import { summarize, type Summary } from './statistics.ts'

/** Everything that was measured; times in milliseconds, sizes in MB of 2^20 bytes (memory: KB of 2^10 bytes). */
export interface Measured {
  readonly host: Readonly<Record<string, string>>
  readonly rounds: number
  /** Samples in the order in which they were taken. */
  readonly times: Partial<Record<ModeName, Partial<Record<SubjectName, readonly number[]>>>>
  readonly memory: Partial<Record<SubjectName, readonly Memory[]>>
  /** RSS of the measuring process of a mode, before and after the rounds. */
  readonly sizes: Partial<Record<ModeName, readonly [number, number]>>
  /** Why a subject was left out, or what went wrong in a round. */
  readonly notes: readonly string[]
}

/** One target: a figure, its limit, and whether it was reached. NaN where it could not be measured. */
export interface Target {
  readonly text: string
  readonly figure: number
  readonly limit: number
  readonly unit: 'x' | 'ms' | 'KB'
}

/** How far "equal at 50 MB and 1 GB" may be from 1: medians of runs of the same thing differ by about so much. */
const equal = 1.1

const inProcess = [['library', 'in process'], ['template', 'from a template'], ['pool', 'from a pool']] as const
/** Three times the throughput, and eight times. */
const slower = [['crun', 0.33], ['runc', 0.125]] as const

/** The targets of the project with what was measured for each. */
export const targets = (measured: Measured): readonly Target[] => {
  const time = (mode: ModeName, subject: SubjectName): number => summarize(measured.times[mode]?.[subject] ?? []).median
  const one = (subject: SubjectName): number => time('sequential', subject)
  const fromLarge = time('large', 'library') / one('library')
  const created = summarize((measured.memory.library ?? []).map(({ rss }) => rss)).median
  return [
    { text: 'in process / crun', figure: one('library') / one('crun'), limit: 0.4, unit: 'x' },
    { text: 'from a template / crun', figure: one('template') / one('crun'), limit: 0.33, unit: 'x' },
    { text: 'from a pool / crun', figure: one('pool') / one('crun'), limit: 0.2, unit: 'x' },
    ...inProcess.flatMap(([name, text]) => slower.map(([other, limit]): Target =>
      ({ text: `32 at a time, ${text} / ${other}`, figure: time('many', name) / time('many', other), limit, unit: 'x' }))),
    { text: 'in process / plain C', figure: one('library') / one('floor'), limit: 1.25, unit: 'x' },
    { text: 'in process, from 1 GB / from 50 MB', figure: fromLarge, limit: equal, unit: 'x' },
    { text: 'nrunc run - node -e 0', figure: one('nrunc') - one('node'), limit: 10, unit: 'ms' },
    { text: 'RSS of a created container', figure: created, limit: 64, unit: 'KB' },
  ]
}

const number = (value: number, digits = 2): string => (Number.isNaN(value) ? '-' : value.toFixed(digits))

/** Lines of cells as aligned text: the first column to the left, the others to the right. */
export const align = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ').trimEnd()
  return rows.map((row) => `  ${line(row)}\n`).join('')
}

const timeTable = (title: string, samples: Partial<Record<SubjectName, readonly number[]>>): string => {
  const summaries = Object.entries(samples)
    .map(([name, list]): [SubjectName, Summary] => [name as SubjectName, summarize(list)])
  const medianOf = (name: SubjectName): number => summaries.find(([other]) => other === name)?.[1].median ?? NaN
  const rows = summaries.map(([name, { n, min, median, p95, max }]) => [
    subjects[name], String(n), number(min), number(median), number(p95), number(max),
    number(median / medianOf('crun')), number(median / medianOf('floor')),
  ])
  return `\n${title}\n${align([['ms', 'n', 'min', 'median', 'p95', 'max', '/ crun', '/ plain C'], ...rows])}`
}

const memoryTable = (memory: Measured['memory']): string => {
  const rows = Object.entries(memory).map(([name, list]) => {
    const middle = (key: keyof Memory): string => number(summarize(list.map((sample) => sample[key])).median, 0)
    return [subjects[name as SubjectName], String(list.length), middle('rss'), middle('pss'), middle('own')]
  })
  const heading = ['KB', 'n', 'RSS', 'PSS', 'private']
  return `\nmemory of a created, waiting container's init (medians)\n${align([heading, ...rows])}`
}

const targetTable = (measured: Measured): string => {
  const verdict = ({ figure, limit }: Target): string =>
    Number.isNaN(figure) ? 'not measured' : figure <= limit ? 'reached' : 'MISSED'
  const rows = targets(measured).map((target) => [
    target.text, number(target.figure), `<= ${target.limit} ${target.unit}`, verdict(target),
  ])
  return `\ntargets (medians)\n${align([['', 'measured', 'target', ''], ...rows])}`
}

/** The report for a reader. */
export const reportText = (measured: Measured): string => {
  const parts = [Object.entries(measured.host).map(([name, value]) => `${name.padEnd(8)}${value}\n`).join('')]
  for (const [name, samples] of Object.entries(measured.times)) {
    const size = measured.sizes[name as ModeName]
    const resident = size?.map((megabytes) => number(megabytes, 0)).join(' to ') ?? '?'
    const title = `${modes[name as ModeName].title} (RSS of the measuring process: ${resident} MB)`
    parts.push(timeTable(title, samples))
  }
  if (Object.keys(measured.memory).length > 0) parts.push(memoryTable(measured.memory))
  parts.push(targetTable(measured), ...measured.notes.map((note) => `\nnote: ${note}\n`))
  return parts.join('')
}

/** The report for a program: everything, with every sample. NaN becomes null. */
export const reportJson = (measured: Measured): string => {
  const withSamples = (bySubject: Readonly<Record<string, readonly number[]>>) =>
    Object.fromEntries(
      Object.entries(bySubject).map(([subject, samples]) => [subject, { ...summarize(samples), samples }]),
    )
  const summaries = Object.fromEntries(
    Object.entries(measured.times).map(([mode, bySubject]) => [mode, withSamples(bySubject)]),
  )
  const reached = targets(measured).map((target) => ({
    ...target, reached: Number.isNaN(target.figure) ? null : target.figure <= target.limit,
  }))
  return `${JSON.stringify({ ...measured, unit: 'ms', times: summaries, targets: reached }, null, 2)}\n`
}
