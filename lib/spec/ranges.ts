/** Far more CPUs and memory nodes than any kernel can be built for. */
const highest = 0xffff

/**
 * Reads a list of numbers such as `0-3,7`, in the form of cpuset(7) "List format"; white space may stand around numbers.
 *
 * @returns A bit for each number, none for a blank list; undefined for what is no list.
 * @example
 * parseRanges('0-1, 3') // 0b1011n
 */
export function parseRanges(list: string): bigint | undefined {
  if (list.trim() === '') return 0n
  let bits = 0n
  for (const part of list.split(',')) {
    const [, first, last = first] = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(part) ?? []
    if (first === undefined || Number(last) < Number(first) || Number(last) > highest) return undefined
    const count = BigInt(Number(last) - Number(first) + 1)
    bits |= ((1n << count) - 1n) << BigInt(first)
  }
  return bits
}
