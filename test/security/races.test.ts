/**
 * Somebody in a container swaps a directory of a shared volume with a link to the host, as fast as it can, while other
 * containers are made on it: CVE-2021-30465, CVE-2024-45310, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579. Somebody else
 * looks for what a process holds while it is being added: CVE-2016-9962, CVE-2019-5736.
 *
 * Each race has NRUNC_TEST_ROUNDS rounds, 400 by default: paths that are resolved while they change. Those that take a
 * container or a process of their own have an eighth or a quarter of them; with the default there are more than 2,000 in all.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeMountPoints } from '../../lib/checkpoint/mount-points.ts'
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

  /** A root file system with a second /proc, whose files are the image's, and links of which lead to the canary. */
  const exchangedProc = () => {
    const canary = makeCanary(sandbox.directory)
    const root = sandbox.rootfs()
    for (const name of ['self/attr', 'sys/net/ipv4', 'sys/kernel']) mkdirSync(join(root, 'fake', name), { recursive: true })
    for (const name of ['oom_score_adj', 'sys/net/ipv4/ip_default_ttl', 'sys/kernel/msgmax']) writeFileSync(join(root, 'fake', name), 'fake')
    for (const name of ['self/oom_score_adj', 'self/attr/exec', 'keys', 'sysrq-trigger']) symlinkSync(`/../../../..${canary.file}`, join(root, 'fake', name))
    const mounted = (spec: TestSpec): void => {
      spec.root.path = sandbox.rootfs()
      mkdirSync(join(spec.root.path, 'volume'))
      spec.mounts.push({ destination: '/volume', type: 'bind', source: root, options: ['bind'] })
    }
    return { canary, root, mounted }
  }

  /** A sysctl of the namespaces of a process. */
  const valueIn = (pid: number, name: string): string =>
    spawnSync('nsenter', ['-t', String(pid), '-n', '-i', 'cat', `/proc/sys/${name}`], { encoding: 'utf8' }).stdout

  const ids = [{ containerID: 0, hostID: 100_000, size: 65536 }]
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
              const bind = { destination, type: 'bind', source: race.rootfs, options: ['bind', 'ro'] }
              spec.mounts.push([{ destination, type: 'tmpfs', source: `mine${number}` }, bind, { ...bind, uidMappings: ids, gidMappings: ids }][number % 3]!)
            }
          })
          made.push(parseMountTable(stdout).map(({ path }) => path).filter((path) => /\/at\d+$/.test(path)))
        }, raced)).toBeGreaterThan(0)
      })
      // one that went to the host would be missing
      for (const paths of made) expect(new Set(paths.map((path) => path.replace(/.*\//, ''))).size).toBe(numbers.length)
      expect(raced(), 'the race took place').toBe(true)
    })

  test('CVE-2021-30465: what becomes read-only when all is made is the mount that was made', async () => {
    const race = prepare()
    symlinkSync('/dev', join(race.shared, 'dev'))
    const found: string[] = []
    await attacked(race, async () => {
      await repeat(4, /^\/mounts\//, async () => {
        const made = await sandbox.create(['true'], (spec) => {
          race.withVolume(spec)
          spec.mounts.push(
            { destination: '/volume/place', type: 'tmpfs', source: 'mine', options: ['ro', 'mode=755'] },
            { destination: '/volume/place/in', type: 'tmpfs', source: 'other' },
          )
        })
        const mine = parseMountTable(readFileSync(`/proc/${made.pid}/mountinfo`, 'utf8')).find(({ source }) => source === 'mine')!
        found.push(mine.path)
        expect([mine.options[0], mine.data[0]], mine.path).toEqual(['ro', 'ro'])
        await made.delete({ force: true })
      }, () => found.includes('/dev'))
    }, ['/volume/place', '/volume/dev'])
    expect(found, 'the race took place').toContain('/dev')
  })

  test('CVE-2021-30465: a remount of what the tree of a bind brings reaches that mount', async () => {
    const race = prepare()
    symlinkSync('/dev/shm', join(race.shared, 'shm'))
    const { id, bundle } = sandbox.bundle(['cat', '/proc/self/mountinfo'], (spec) => {
      spec.root.path = race.rootfs
      spec.mounts.push(
        { destination: '/volume', source: race.shared, options: ['rbind'] },
        { destination: '/volume/place', options: ['remount', 'bind', 'ro'] },
      )
    })
    let made = 0, raced = 0
    const count = Math.ceil(rounds / 16)
    // The mount in the volume is of a mount namespace of the test's own, in which the containers are made.
    const script = `mount -t tmpfs sub ${race.shared}/place; for n in $(seq ${count}); do "$@" ${id}-$n; echo end; done`
    await attacked(race, async () => {
      for (let attempt = 0; attempt === 0 || (attempt < 20 && (made === 0 || raced === 0)); attempt++) {
        const { stdout } = await sandbox.nrunc(['run', '-b', bundle], { through: ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh'] })
        const tables = stdout.split('end\n').slice(0, -1).map(parseMountTable)
        expect(tables).toHaveLength(count)
        for (const table of tables) {
          const sub = table.find(({ source }) => source === 'sub')
          if (sub?.path !== '/volume/place') raced++
          if (sub === undefined) continue // it was an error: the name led to no mount at that moment
          made++
          expect([sub.path, sub.options[0]]).toEqual([sub.path, 'ro'])
          expect(table.find(({ path }) => path === '/dev/shm')?.options[0]).toBe('rw')
        }
      }
    }, ['/volume/place', '/volume/shm'])
    expect([made > 0, raced > 0], 'the race took place').toEqual([true, true])
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

  test('CVE-2024-45310: mount points that a restore makes', async () => {
    const race = prepare()
    const inside = { ...race, withVolume: (spec: TestSpec) => { spec.root = { path: race.shared, readonly: false } } }
    for (const name of readdirSync(race.rootfs)) if (name !== 'place' && name !== 'link') cpSync(join(race.rootfs, name), join(race.shared, name), { recursive: true, verbatimSymlinks: true })
    const hidden = join(race.shared, race.canary.directory)
    let count = 0, refused = 0
    await attacked(inside, async () => {
      for (; count < 20 * rounds && (count < rounds || readdirSync(hidden).length === 0); count++) {
        const mounts = [{ destination: `/place/at${count}`, type: 'tmpfs' }, { destination: `/place/file${count}`, source: '/etc/passwd', options: ['bind'] }]
        await makeMountPoints({ ...sandbox.spec(['true']), mounts }, race.shared, '/').catch((error: NruncError) => {
          if (error.code !== 'ERR_CRIU') throw error
          refused++
        })
      }
    }, ['/place', '/link'])
    expect(refused).toBeLessThan(count)
    expect(readdirSync(hidden).length, 'the race took place').toBeGreaterThan(0)
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

  test('CVE-2025-52881, CVE-2025-31133: /proc itself changes places, with what is mounted on it', async () => {
    const { canary, root, mounted } = exchangedProc()
    const race: Race = { canary, shared: root, rootfs: sandbox.rootfs(), withVolume: mounted }
    mkdirSync(join(race.rootfs, 'volume'))
    const places = new Set<string>()
    await attacked(race, async () => {
      await repeat(8, /^\/(mounts|linux\/(masked|readonly)Paths)\//, async () => {
        const made = await sandbox.create(['true'], (spec) => {
          spec.root = { path: root, readonly: false }
          spec.process.oomScoreAdj = 321
          spec.linux.sysctl = { 'net.ipv4.ip_default_ttl': '77', 'kernel.msgmax': '12345' }
        })
        const mounts = parseMountTable(readFileSync(`/proc/${made.pid}/mountinfo`, 'utf8'))
        const proc = mounts.find(({ type, root }) => type === 'proc' && root === '/')!
        places.add(proc.path)
        // Wherever it is by now: its masks are its own.
        const masks = mounts.filter(({ parent }) => parent === proc.id).map(({ path }) => path.replace(/^\/\w+\//, ''))
        expect(masks.sort()).toEqual(['acpi', 'bus', 'fs', 'irq', 'kcore', 'keys', 'sys', 'sysrq-trigger', 'timer_list'].filter((name) => existsSync(`/proc/${name}`)))
        expect(readFileSync(`/proc/${made.pid}/oom_score_adj`, 'utf8')).toBe('321\n')
        expect(valueIn(made.pid, 'net/ipv4/ip_default_ttl')).toBe('77\n')
        expect(valueIn(made.pid, 'kernel/msgmax')).toBe('12345\n')
        await made.delete({ force: true })
      }, () => places.size > 1)
    }, ['/volume/proc', '/volume/fake'])
    expect(places.size, 'the race took place').toBeGreaterThan(1)
    const fakes = ['proc', 'fake'].flatMap((name) => ['oom_score_adj', 'sys/net/ipv4/ip_default_ttl', 'sys/kernel/msgmax'].map((file) => join(root, name, file)))
    expect(fakes.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'))).toEqual(['fake', 'fake', 'fake'])
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

  test('CVE-2018-15664, CVE-2025-24965: readFile, writeFile, copyIn and copyOut of a running container', async () => {
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
