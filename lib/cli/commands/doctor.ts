import { NruncError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { print } from '../output.ts'
import { formatTable } from '../table.ts'

/** `nrunc doctor`: what this host can do and cannot, why, and what to change. 1 when something needed is missing. */
export const command = defineCommand({
  name: 'doctor',
  summary: 'show what this host can do, and what to change',
  operands: '',
  count: [0, 0],
  flags: {
    format: { kind: 'text', short: 'f', value: 'FORMAT', fallback: 'table', help: 'table (default) or json' },
  },
  async run({ flags: { format } }) {
    if (format !== 'table' && format !== 'json') throw new NruncError('ERR_OPTION_INVALID', 'invalid format option')
    const { doctor } = await import('../../doctor/doctor.ts')
    const checks = await doctor()
    const ill = checks.filter(({ needed, status }) => needed && status === 'missing')
    if (format === 'json') {
      print(`${JSON.stringify(checks, null, 2)}\n`)
    } else {
      const word = (status: string, needed: boolean) => (status === 'missing' && needed ? 'NEEDED' : status)
      print(formatTable([
        ['AREA', 'CHECK', 'STATUS', 'DETAIL'], ...checks.map((one) => [one.area, one.name, word(one.status, one.needed), one.detail]),
      ]))
      const advice = checks.flatMap((one) => (one.advice === undefined ? [] : [`${one.area}, ${one.name}: ${one.advice}\n`]))
      if (advice.length > 0) print(`\nWhat to change:\n${advice.join('')}`)
    }
    return ill.length === 0 ? 0 : 1
  },
})
