/**
 * What doctor says of this host is what containers can do on it.
 */
import { expect, test } from 'vitest'
import { beforeAll } from 'vitest'
import { type Check, doctor } from '../../lib/index.ts'
import { cgroupMounts } from '../helpers/cgroup.ts'
import { nrunc } from '../helpers/cli.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { type Home, makeHome } from '../helpers/rootless.ts'

const find = (checks: readonly Check[], area: string, name: string): Check =>
  checks.find((one) => one.area === area && one.name === name) ?? expect.fail(`no check ${area} ${name}`)

describeWith([...container, 'cli'], 'doctor', () => {
  test('of a host on which the other tests run: nothing that is needed is missing', async () => {
    const checks = await doctor()
    expect(checks.filter(({ needed, status }) => needed && status === 'missing')).toEqual([])
    const versions = new Set(cgroupMounts().map(({ version }) => version))
    expect(find(checks, 'cgroup', 'version').detail.includes('v1')).toBe(versions.has(1))
    expect(find(checks, 'user', 'caller').detail).toContain('uid 0')
    expect((await nrunc(['doctor'])).code).toBe(0)
  })

  test('without PATH and without a home', async () => {
    const { code, stdout, stderr } = await nrunc(['doctor', '--format=json'], { env: { PATH: '', HOME: '' } })
    expect([code, stderr]).toEqual([0, ''])
    expect((JSON.parse(stdout) as Check[]).length).toBeGreaterThan(15)
  })
})

describeWith([...container, 'cli', 'rootless'], 'doctor as an ordinary user', () => {
  let home: Home
  beforeAll(() => { home = makeHome() })

  test('sees the host with the eyes of the caller', async () => {
    const { stdout, stderr } = await home.nrunc(['doctor', '--format', 'json'], { env: { XDG_RUNTIME_DIR: `${home.directory}/run` } })
    expect(stderr).toBe('')
    const checks = JSON.parse(stdout) as Check[]
    expect(find(checks, 'user', 'user namespaces').status).toBe('ok')
    expect(find(checks, 'user', 'caller').detail).not.toContain('uid 0')
    expect(find(checks, 'cgroup', 'access')).toMatchObject({ status: 'limited', needed: false })
    expect(find(checks, 'nrunc', 'state root')).toMatchObject({ status: 'ok', detail: `${home.directory}/run/nrunc` })
  })

  test('without a state root that may be written it ends with 1, and says what to change', async () => {
    const { code, stdout } = await home.nrunc(['doctor'], { env: { XDG_RUNTIME_DIR: '' } })
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^nrunc +state root +NEEDED .*\n(.*\n)*What to change:\nnrunc, state root: /m)])
  })
})
