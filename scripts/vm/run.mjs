// npm run test:vm: the tests that need cgroup v2 with systemd, in a virtual machine with Debian that is thrown away.
//
//   npm run test:vm                       those of runs.mjs
//   npm run test:vm -- user root events   these (runs.mjs)
//
// Ends with `vm: N passed, N failed, N skipped` and 0 when none failed, 1 when some did, 2 when none did before its time
// was over (`vm: unfinished: ...` says what is missing); with `vm: not run: REASON` and 0 where it cannot be run.
// NRUNC_VM_ACCEL=kvm uses the processor's help, NRUNC_VM_TIMEOUT are the seconds that all of it may take (1800).
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patience, remaining, Unable } from './attempt.mjs'
import { makeDisk, readDisk } from './disk.mjs'
import { image, requireTools } from './image.mjs'
import { chosenRuns } from './runs.mjs'
import { failedFiles, replaceReports, summarize } from './summary.mjs'

/** Seconds that a machine with a few files needs. */
const enough = 300

const accelerator = process.env.NRUNC_VM_ACCEL || 'tcg'

/**
 * Until it powers off; the kernel's and the tests' output goes to ours. Without cx16: QEMU 7 loses the flags of
 * cmpxchg16b, and the kernel panics. With one processor: with two the kernel has panicked once, by an int3 in the
 * scheduler while criu ran. Probably one processor saw a breakpoint that the kernel sets while it changes its own code.
 */
function boot(directory, disk) {
  const words = [
    '-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,tb-size=512', '-cpu', `${accelerator === 'kvm' ? 'host' : 'max'},-cx16`,
    '-M', 'q35', '-m', '3072', '-smp', '1', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
    '-drive', `file=${join(directory, 'root.img')},format=raw,if=none,id=root,snapshot=on`, '-device', 'nvme,serial=root,drive=root',
    '-drive', `file=${disk},format=raw,if=none,id=tree,cache=unsafe`, '-device', 'nvme,serial=tree,drive=tree',
    '-kernel', join(directory, 'vmlinuz'),
    '-append', 'console=ttyS0 root=PARTUUID=6e726e63-01 rootwait rootfstype=ext4 rw quiet panic=-1 mitigations=off nokaslr apparmor=1 random.trust_cpu=on systemd.show_status=0',
  ]
  return new Promise((resolve) => {
    const machine = spawn('qemu-system-x86_64', words, { stdio: ['ignore', 'inherit', 'inherit'], timeout: remaining() * 1000, killSignal: 'SIGKILL' })
    machine.on('error', (error) => resolve(error.message))
    machine.on('exit', (_, signal) => resolve(signal === null ? undefined : remaining() > 1 ? `${signal}` : `it took more than ${patience} s`))
  })
}

/** @throws Unable */
async function test(runs, work) {
  const disk = makeDisk(work, runs)
  let problem = await boot(image(), disk)
  console.log() // it may have been stopped within a line
  if (readDisk(disk, '/reports/begun') === '') throw new Unable(`the machine does not come up${problem === undefined ? '' : `: ${problem}`}`)
  if (readDisk(disk, '/reports/end') === '') problem ??= 'the machine stopped before the end'
  return { problem, reports: Object.fromEntries(Object.keys(runs).map((name) => [name, readDisk(disk, `/reports/${name}`)])) }
}

/** What fails is tried once more, in a machine that has just booted: the emulation is slow, and not without faults. */
async function testTwice(runs, work) {
  const first = await test(runs, work)
  const again = failedFiles(runs, first.reports)
  if (Object.keys(again).length === 0 || remaining() < enough) return first
  const words = Object.entries(again).flat(2).join(' ')
  console.log(`vm: once more: ${words}`)
  try {
    const { reports } = await test(again, work)
    return { ...first, reports: replaceReports(first.reports, again, reports) }
  } catch (error) {
    if (!(error instanceof Unable)) throw error
    console.log(`vm: not once more: ${error.message}`)
    return first
  }
}

process.env.PATH += ':/usr/sbin:/sbin'
const work = mkdtempSync(join(tmpdir(), 'nrunc-vm-'))
try {
  const runs = chosenRuns(process.argv.slice(2))
  requireTools()
  image()
  const { reports, problem } = await testTwice(runs, work)
  const { lines, code } = summarize(runs, reports, problem)
  console.log(lines.join('\n'))
  process.exitCode = code
} catch (error) {
  if (!(error instanceof Unable)) throw error
  console.log(`vm: not run: ${error.message}`)
} finally {
  rmSync(work, { recursive: true })
}
