import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { main } from '../../../lib/cli/main.ts'

let bundle: string
beforeEach(() => {
  bundle = mkdtempSync(join(tmpdir(), 'nrunc-spec-'))
})
afterEach(() => rmSync(bundle, { recursive: true }))

const config = () => readFileSync(join(bundle, 'config.json'), 'utf8')
const log = () => readFileSync(join(bundle, 'log'), 'utf8')
const spec = async (...words: string[]) => await main(['--log', join(bundle, 'log'), 'spec', '-b', bundle, ...words])

test('writes the default, indented by tabs', async () => {
  expect(await spec()).toBe(0)
  expect(config()).toMatch(/^\{\n\t"ociVersion": "/)
  expect(JSON.parse(config())).toMatchObject({ process: { terminal: true, args: ['sh'] }, root: { path: 'rootfs' } })
})

test('writes a rootless one', async () => {
  expect(await spec('--rootless')).toBe(0)
  const { linux } = JSON.parse(config()) as { linux: { namespaces: { type: string }[]; uidMappings: unknown } }
  expect(linux.namespaces.map(({ type }) => type)).toContain('user')
  expect(linux.uidMappings).toEqual([{ containerID: 0, hostID: process.geteuid?.(), size: 1 }])
})

test('writes over nothing', async () => {
  await spec()
  const before = config()
  expect(await spec('--rootless')).toBe(1)
  expect(config()).toBe(before)
  expect(log()).toContain('msg="File config.json exists. Remove it first"')
})

test('writes another file, from the bundle on', async () => {
  expect(await spec('--file', 'other.json')).toBe(0)
  expect(readdirSync(bundle)).toEqual(['log', 'other.json'])
  expect(await spec('-f', join(bundle, 'other.json'))).toBe(1)
  expect(log()).toContain('msg="File other.json exists. Remove it first"')
})

test('has no --file beside --host', async () => {
  expect(await spec('--host', '--file', 'other.json')).toBe(1)
  expect(log()).toContain('msg="cannot use --file together with --host"')
  expect(readdirSync(bundle)).toEqual(['log'])
})

test('names the directory that is not there', async () => {
  expect(await spec('-b', join(bundle, 'none'))).toBe(1)
  expect(log()).toContain('none/config.json: ENOENT"')
})
