/**
 * What a test needs of the machine. What is missing was found out once, before all tests (`setup.ts`); a test that
 * needs it is skipped and says why.
 */
import { describe, inject } from 'vitest'

export type Need =
  | 'addon' | 'cli' | 'root' | 'busybox' | 'compiler' | 'cgroup' | 'userNamespaces' | 'rootless' | 'subordinateIds'
  | 'mountNamespaces' | 'networkDevices' | 'systemd' | 'ordinaryUser' | 'delegation' | 'timeNamespaces' | 'apparmor' | 'selinux'
  | 'libseccomp' | 'fuse' | 'criu' | 'memoryTracking' | 'faults'

/** What the tests share. */
export interface Bench {
  /** Begins the id of every container of this run: another run, beside this one, has its own. */
  readonly run: string
  /** Directory of this run, which others may enter; all that the tests make is below it. */
  readonly directory: string
  /** A busybox root file system. It is read-only to all tests: one that changes it makes its own. */
  readonly rootfs: string
  /** `probe.c`, `sockets.c`, `terminal.c` and `shim.c`, built. The first two are in `rootfs` too, as `/bin/probe` and `/bin/sockets`. */
  readonly probe: string
  readonly sockets: string
  readonly shim: string
  /** `criu.c`: stands for criu. */
  readonly criu: string
  /** `fuse.c`: a file system that a container serves itself. */
  readonly fuse: string
  readonly terminal: string
  /** `libseccomp.c`, built against the library: filters to compare ours with. */
  readonly libseccomp: string
  /** What the machine does not have, and why. */
  readonly missing: Readonly<Partial<Record<Need, string>>>
}

declare module 'vitest' {
  export interface ProvidedContext {
    bench: Bench
  }
}

export const bench = (): Bench => inject('bench')

/** The reasons why tests with these needs cannot run here; empty when they can. */
export const reasonsAgainst = (needs: readonly Need[]): string[] =>
  needs.flatMap((need) => bench().missing[need] ?? [])

/** `describe` for tests that need something. Without it they are skipped; the reason is printed, and in the name. */
export function describeWith(needs: readonly Need[], name: string, body: () => void): void {
  const reasons = reasonsAgainst(needs)
  if (reasons.length === 0) {
    describe(name, body)
    return
  }
  console.warn(`skipped: ${name}: ${reasons.join('; ')}`)
  describe.skip(`${name} (skipped: ${reasons.join('; ')})`, body)
}

/** What every container of these tests takes. */
export const container: readonly Need[] = ['addon', 'root', 'busybox', 'cgroup']
