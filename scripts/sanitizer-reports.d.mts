export interface Report {
  readonly file: string
  readonly text: string
}
export function reportsOf(text: string): string[]
export function reportsIn(directory: string): Report[]
