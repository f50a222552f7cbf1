/**
 * Looks at the host for the doctor. Runs in the Node process; nothing is changed.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { release, userInfo } from 'node:os'
import { detectCgroups } from '../cgroup/detect.ts'
import { findProgram, isRootless } from '../bundle/facts.ts'
import { addon } from '../native/addon.ts'
import { errnoName } from '../native/errno.ts'
import { defaultRoot } from '../state/directory.ts'
import type { Look } from './check.ts'

/** @throws nothing: what cannot be found out is missing */
export async function gather(): Promise<Look> {
  const uid = process.geteuid!()
  const [systemd, criu] = await Promise.all([askSystemd(), askCriu()])
  return {
    read, exists: existsSync, writable: (path) => may(path, constants.W_OK), find: findProgram,
    uid, user: userName(uid), release: release(), node: process.version, root: defaultRoot(uid, process.env),
    addon: probe(), cgroups: detectCgroups(), systemd, criu,
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** A uid without an entry in /etc/passwd has no name. */
function userName(uid: number): string {
  try {
    return userInfo().username
  } catch {
    return String(uid)
  }
}

function probe(): Look['addon'] {
  try {
    const found = addon().probe()
    return Object.fromEntries(Object.entries(found).map(([name, errno]) => [name, errno === 0 ? '' : errnoName(errno)])) as Look['addon']
  } catch (error) {
    return (error as Error).message
  }
}

async function askSystemd(): Promise<Look['systemd']> {
  if (!existsSync('/run/systemd/system')) return undefined
  const { ServiceManager } = await import('../cgroup/systemd/manager.ts')
  try {
    const manager = await ServiceManager.connect(isRootless('auto') ? 'user' : 'system')
    return { version: await manager.version() }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Milliseconds. */
const PATIENCE = 10_000

/** What it prints, also about why it does not run. */
function askCriu(): Promise<string | undefined> {
  const path = findProgram('criu')
  if (path === undefined) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: PATIENCE }, (error, stdout, stderr) => resolve(stdout || stderr || (error?.message ?? '')))
  })
}
