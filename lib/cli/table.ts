/**
 * Columns as Go's tabwriter lays them out for runc: every cell but the last of a row is padded with spaces to the
 * widest of its column plus 3, at least to 12.
 */
const least = 12
const padding = 3

const width = (text: string): number => [...text].length

/** The rows as lines, each with its newline. Every row has as many cells as the first. */
export const formatTable = (rows: readonly (readonly string[])[]): string => {
  const columns = (rows[0] ?? []).slice(0, -1)
  const widths = columns.map((_, column) => Math.max(least, ...rows.map((row) => width(row[column] ?? '') + padding)))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? width(cell)) - width(cell))).join('')
  return rows.map((row) => `${line(row)}\n`).join('')
}
