/**
 * A sysctl's name with `.` between its parts and `/` for a dot within a part, the form that runc's messages have.
 * The separator that comes first in the name decides which of its two forms it is in. sysctl(8), sysctl.d(5).
 *
 * @example
 * dottedSysctl('net/ipv4/conf/eno2.100/rp_filter') // 'net.ipv4.conf.eno2/100.rp_filter'
 */
export function dottedSysctl(name: string): string {
  const separator = /[./]/.exec(name)?.[0]
  return separator === '/' ? swapSeparators(name) : name
}

/** A sysctl's path below /proc/sys. */
export function sysctlPath(name: string): string {
  return swapSeparators(dottedSysctl(name))
}

function swapSeparators(name: string): string {
  return name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))
}
