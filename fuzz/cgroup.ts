/** What the kernel says of mounts and cgroups. Whatever it says, there are directories with absolute paths, and numbers that are some. */
import { baseDirectory, parseCgroupHost } from '../lib/cgroup/host.ts'
import { statisticsOfV1 } from '../lib/cgroup/statistics-v1.ts'
import { statisticsOfV2 } from '../lib/cgroup/statistics-v2.ts'
import { statisticsData } from '../lib/cli/statistics.ts'
import * as hosts from '../test/unit/cgroup/samples.ts'
import * as files from '../test/unit/cgroup/statistics-samples.ts'
import { type Json, mutate, places } from './mutate.ts'
import type { Target } from './target.ts'

interface Texts {
  readonly mountinfo?: Json
  readonly cgroup?: Json
  readonly files?: Json
}

const lines = (text: string): string[] => text.split('\n')
const textOf = (value: Json): string => (Array.isArray(value) ? value.map(String).join('\n') : String(value))

const seedOf = ({ mountinfo, cgroup }: { mountinfo: string, cgroup: string }, texts: Readonly<Record<string, string>>): Texts => ({
  mountinfo: lines(mountinfo), cgroup: lines(cgroup), files: Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, lines(text)])),
})

function checkHost({ mountinfo = '', cgroup = '' }: Texts): string {
  const { mode, hierarchies, unified } = parseCgroupHost(textOf(mountinfo), textOf(cgroup))
  const all = [...hierarchies.map((one) => [one, 1] as const), ...unified === undefined ? [] : [[unified, 2] as const]]
  for (const [hierarchy, version] of all) {
    const directory = baseDirectory(hierarchy, version)
    if (!directory.startsWith(hierarchy.mountpoint)) throw new Error(`${directory} is not below ${hierarchy.mountpoint}`)
  }
  return mode
}

function checkStatistics({ files: given = {} }: Texts): void {
  const texts = new Map(typeof given === 'object' && given !== null ? Object.entries(given).map(([path, text]) => [path, textOf(text)]) : [])
  const source = { read: (path: string) => texts.get(path), sizes: ['2MB'] }
  for (const statistics of [statisticsOfV1(files.paths, source), statisticsOfV2('/u', source)]) {
    for (const [holder, key] of places([statistics, statisticsData(statistics)])) {
      if (Number.isNaN((holder as Record<string, Json>)[key])) throw new Error(`${key} is not a number`)
    }
  }
}

export const cgroup: Target = {
  seeds: [
    seedOf(hosts.v1, files.v1), seedOf(hosts.hybrid, { ...files.v1, ...files.v2 }), seedOf(hosts.v2, files.v2), seedOf(hosts.inContainer, files.v1),
  ],
  change: mutate,
  sources: 'lib/cgroup/',
  run(text) {
    const texts = (JSON.parse(text) ?? {}) as Texts
    checkStatistics(texts)
    return checkHost(texts)
  },
}
