/**
 * Somebody in a container swaps a directory of a shared volume with a link to the host, as fast as it can, while other
 * containers are made on it: CVE-2021-30465, CVE-2024-45310, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579. Somebody else
 * looks for what a process holds while it is being added: CVE-2016-9962, CVE-2019-5736.
 *
 * Each race has NRUNC_TEST_ROUNDS rounds, 400 by default: paths that are resolved while they change. Those that take a
 * container or a process of their own have an eighth or a quarter of them; with the default there are more than 2,000 in all.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Container, NruncError } from '../../lib/index.ts'
import { type Canary, makeCanary } from '../helpers/canary.ts'
import { end, type TestSpec, useSandbox } from '../helpers/containers.ts'
import { container, describeWith } from '../helpers/needs.ts'
import { parseMountTable } from '../helpers/mountinfo.ts'

const rounds = Number(process.env['NRUNC_TEST_ROUNDS'] ?? 400)
const lineFrom = async (made: Container): Promise<void> => {
  for await (const _ of made) return
}

interface Race {
  readonly canary: Canary
  readonly shared: string
  readonly rootfs: string
  /** Gives a spec the root file system and the volume, at /volume. */
  readonly withVolume: (spec: TestSpec) => void
}

describeWith([...container, 'compiler'], 'races', () => {
  const sandbox = useSandbox()

  /** PLACE and LINK of a shared volume; LINK leads to the canary, whatever directory of the host it is looked up in. */
  const prepare = (below: readonly string[] = []): Race => {
    const canary = makeCanary(sandbox.directory)
    const shared = mkdtempSync(join(sandbox.directory, 'shared-'))
    mkdirSync(join(shared, 'place'))
    for (const name of below) mkdirSync(join(shared, 'place', name))
    symlinkSync(`/../../../../../..${canary.directory}`, join(shared, 'link'))
    const rootfs = sandbox.rootfs()
    mkdirSync(join(rootfs, 'volume'))
    mkdirSync(join(rootfs, canary.directory), { recursive: true })
    const withVolume = (spec: TestSpec): void => {
      spec.root = { path: rootfs, readonly: false }
      spec.mounts.push({ destination: '/volume', type: 'bind', source: shared, options: ['bind'] })
    }
    return { canary, shared, rootfs, withVolume }
  }

  /** Run WORK while `place` and `link` change places; the host stays as it was. */
  const attacked = async (race: Race, work: () => Promise<void>, names = ['/volume/place', '/volume/link']): Promise<void> => {
    const before = [race.canary.look(), readFileSync('/proc/self/mountinfo', 'utf8')]
    const attacker = await sandbox.run(['probe', 'swap', ...names], race.withVolume)
    await lineFrom(attacker)
    await work()
    await attacker.kill('KILL')
    await attacker.wait()
    expect([race.canary.look(), readFileSync('/proc/self/mountinfo', 'utf8')]).toEqual(before)
  }

  /**
   * Make containers until there were enough rounds, EACH in one; and, with luck against us, until one was made and the race
   * was SEEN, twenty times as many at most. What goes wrong is an error of one of FIELDS.
   */
  const repeat = async (each: number, fields: RegExp, one: () => Promise<unknown>, seen?: () => boolean): Promise<number> => {
    let made = 0
    const goOn = (count: number) => count < rounds || (seen !== undefined && count < 20 * rounds && (made === 0 || !seen()))
    for (let count = 0; goOn(count); count += each) {
      try {
        await one()
        made++
      } catch (error) {
        if (!(error instanceof NruncError) || error.code !== 'ERR_INIT' || !fields.test(error.field ?? '')) throw error
      }
    }
    return made
  }

  const numbers = Array.from({ length: 40 }, (_, number) => number)

  test.each([['that do not exist', []], ['that exist', numbers.map((number) => `at${number}`)]])(
    'CVE-2021-30465, CVE-2024-45310: mount points %s', async (_, below) => {
      const race = prepare(below)
      for (const name of below) mkdirSync(join(race.canary.directory, name))
      const made: string[][] = []
      const raced = () => made.flat().some((path) => path.startsWith(race.canary.directory))
      await attacked(race, async () => {
        expect(await repeat(numbers.length, /^\/mounts\//, async () => {
          const { stdout } = await sandbox.output(['cat', '/proc/self/mountinfo'], (spec) => {
            race.withVolume(spec)
            for (const number of numbers) {
              const destination = `/volume/place/at${number}`
              spec.mounts.push(number % 2 === 0
                ? { destination, type: 'tmpfs', source: `mine${number}` }
                : { destination, type: 'bind', source: race.rootfs, options: ['bind', 'ro'] })
            }
          })
          made.push(parseMountTable(stdout).map(({ path }) => path).filter((path) => /\/at\d+$/.test(path)))
        }, raced)).toBeGreaterThan(0)
      })
      // one that went to the host would be missing
      for (const paths of made) expect(new Set(paths.map((path) => path.replace(/.*\//, ''))).size).toBe(numbers.length)
      expect(raced(), 'the race took place').toBe(true)
    })

  test('CVE-2026-41579: device nodes', async () => {
    const race = prepare()
    const raced = () => readdirSync(join(race.rootfs, race.canary.directory)).length > 0
    await attacked(race, async () => {
      await repeat(numbers.length, /^\/linux\/devices\//, () => sandbox.output(['true'], (spec) => {
        race.withVolume(spec)
        spec.linux.devices = numbers.map((number) => ({ path: `/volume/place/at${number}`, type: 'c', major: 1, minor: 3 }))
      }), raced)
    })
    expect(raced(), 'the race took place').toBe(true)
  })

  test('CVE-2024-45310: working directories that are made', async () => {
    const race = prepare()
    let count = 0
    await attacked(race, async () => {
      await repeat(8, /^\/process\/cwd$/, () => sandbox.output(['true'], (spec) => {
        race.withVolume(spec)
        spec.process.cwd = `/volume/place/at${++count}`
      }))
    })
  })

  test('CVE-2025-52565: /dev/console', async () => {
    const race = prepare()
    writeFileSync(join(race.shared, 'place/console'), '')
    symlinkSync(race.canary.file, join(race.shared, 'console-link'))
    mkdirSync(join(race.shared, 'pts'))
    const console = ['/volume/place/console', '/volume/console-link']
    await attacked(race, async () => {
      await repeat(8, /^\/process\/terminal$/, async () => (await sandbox.create(['true'], (spec) => {
        race.withVolume(spec)
        spec.process.terminal = true
        spec.mounts = spec.mounts.filter(({ destination }) => destination === '/proc' || destination === '/volume')
        spec.mounts.push(
          { destination: '/dev', type: 'bind', source: join(race.shared, 'place'), options: ['bind'] },
          { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
        )
      })).delete({ force: true }))
    }, console)
  })

  test('CVE-2025-52881: what is written below /proc', async () => {
    const race = prepare(['self', 'sys'])
    writeFileSync(join(race.shared, 'place/self/oom_score_adj'), 'fake')
    const rootfs = sandbox.rootfs()
    const values = new Set<string>()
    await attacked(race, async () => {
      await repeat(8, /^\/mounts\//, async () => {
        const made = await sandbox.create(['true'], (spec) => {
          race.withVolume(spec)
          spec.root.path = rootfs
          mkdirSync(join(rootfs, 'volume'), { recursive: true })
          spec.mounts = spec.mounts.filter(({ destination }) => destination === '/volume')
          spec.linux.maskedPaths = spec.linux.readonlyPaths = []
          spec.process.oomScoreAdj = 321
          spec.linux.sysctl = { 'net.ipv4.ip_default_ttl': '77' }
        })
        values.add(readFileSync(`/proc/${made.pid}/oom_score_adj`, 'utf8'))
        await made.delete({ force: true })
      })
    })
    expect([...values]).toEqual(['321\n'])
    const fakes = ['place', 'link'].map((name) => join(race.shared, name, 'self/oom_score_adj')).filter((path) => existsSync(path))
    expect(fakes.map((path) => readFileSync(path, 'utf8'))).toEqual(['fake'])
  })

  test('tmpcopyup: a directory of the image that becomes a link while it is copied', async () => {
    const race = prepare(['sub'])
    const shares = numbers.slice(0, 20)
    for (const number of numbers) writeFileSync(join(race.shared, `place/sub/${number}`), '')
    const found = new Set<string>()
    await attacked(race, async () => {
      await repeat(shares.length, /^\/mounts\//, async () => {
        const { stdout } = await sandbox.output(['sh', '-c', 'cat /copy*/place/file /copy*/link/file 2>/dev/null; echo end'], (spec) => {
          race.withVolume(spec)
          for (const number of shares) {
            spec.mounts.push(
              { destination: `/copy${number}`, type: 'bind', source: race.shared, options: ['bind'] },
              { destination: `/copy${number}`, type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] },
            )
          }
        })
        found.add(stdout)
      })
    })
    expect([...found]).not.toContain('untouched\n')
    for (const text of found) expect(text).toBe('end\n')
  })

  test('readFile, writeFile, copyIn and copyOut of a running container', async () => {
    const race = prepare()
    writeFileSync(join(race.shared, 'place/file'), 'mine\n')
    const made = await sandbox.run(['sleep', '1000'], race.withVolume)
    const source = mkdtempSync(join(sandbox.directory, 'source-')), target = mkdtempSync(join(sandbox.directory, 'target-'))
    mkdirSync(join(source, 'place'))
    writeFileSync(join(source, 'place/new'), 'new\n')
    const read = new Set<unknown>()
    const outcome = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => {
      if (error instanceof NruncError && error.code === 'ERR_FILE') return undefined
      throw error
    })
    await attacked(race, async () => {
      for (let count = 0; count < rounds; count += 4) {
        read.add(await outcome(made.readFile('/volume/place/file', { encoding: 'utf8' })))
        await outcome(made.writeFile(`/volume/place/written${count}`, 'x'))
        await outcome(made.copyIn(source, '/volume'))
        await outcome(made.copyOut('/volume/place', join(target, String(count))))
      }
    })
    expect(read.has('untouched\n')).toBe(false)
    expect(read.has('mine\n')).toBe(true)
    for (const name of readdirSync(target)) {
      let copy: string | undefined
      try {
        copy = readFileSync(join(target, name, 'file'), 'utf8')
      } catch {
        continue
      }
      expect(copy === 'mine\n' || copy === 'untouched\n').toBe(true)
    }
  })

  test.each([['without rights', []], ['with CAP_SYS_PTRACE', ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE']]])(
    'CVE-2016-9962, CVE-2019-5736: a process that is being added, looked at %s', async (_, more) => {
      const made = await sandbox.run(['probe', 'snoop'], ({ process }) => {
        process.capabilities = { bounding: more, permitted: more, effective: more }
      })
      const all = end(made)
      for (let count = 0; count < rounds; count += 4) {
        await (await made.exec({ args: ['true'], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })).wait()
      }
      await made.kill('KILL')
      const seen = [...new Set((await all).stdout.trim().split('\n'))]
      expect(seen.filter((line) => line.startsWith('wrote'))).toEqual([])
      // Who may trace can look into init, and take it over: that right is no boundary (SECURITY.md).
      const good = /^(exe -> \/bin\/busybox|(cwd|root) -> \/|fd\/[012] -> \/dev\/null)$/
      if (more.length === 0) expect(seen.filter((line) => line.includes(' -> ') && !good.test(line))).toEqual([])
    })
})
