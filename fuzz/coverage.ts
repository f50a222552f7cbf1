/** Which code ran, as V8 counts it block by block: what tells a fuzzer that an input does something new. */
import { readFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'

/** A count becomes one of few: that something ran 40 times and not 41 is nothing new. */
const bucket = (count: number): number => (count < 4 ? count : 2 + Math.floor(Math.log2(count)))

/** Where the sources are in the bundle, by the comments that esbuild puts before each: first and last offset. */
function partsOf(bundle: string, sources: string): [number, number][] {
  const files = [...bundle.matchAll(/^\/\/ (\S+\.ts)$/gm)]
  return files.flatMap(({ index, 1: name }, at): [number, number][] =>
    (name!.includes(sources) ? [[index, files[at + 1]?.index ?? bundle.length]] : []))
}

export class Coverage {
  readonly #session = new Session()
  readonly #url: string
  readonly #bucket: (count: number) => number
  readonly #parts: readonly [number, number][]

  /** Of the script at URL, a bundle that esbuild made, the parts whose path has SOURCES in it. COUNTED: also how often. */
  constructor(url: string, sources: string, counted: boolean) {
    this.#url = url
    this.#bucket = counted ? bucket : Math.sign
    this.#parts = partsOf(readFileSync(fileURLToPath(url), 'utf8'), sources)
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** An inspector of the own thread answers at once. */
  #post(method: string, parameters?: object): unknown {
    let answer: unknown
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw error
      answer = result
    })
    return answer
  }

  /** What ran since the last call: blocks, and whether or about how often. */
  take(): string[] {
    const { result } = this.#post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    const functions = result.find(({ url }) => url === this.#url)?.functions ?? []
    return functions.flatMap(({ ranges }) => {
      const at = ranges[0]!.startOffset
      if (!this.#parts.some(([first, last]) => at >= first && at < last)) return []
      return ranges.map(({ startOffset, endOffset, count }) => `${startOffset} ${endOffset} ${this.#bucket(count)}`)
    })
  }
}
