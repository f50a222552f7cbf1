/**
 * A JSON pointer (RFC 6901) from the keys and indexes on the way to a field: `~` and `/` in a key are escaped.
 *
 * @example
 * pointer('linux', 'sysctl', 'net/ipv4/ip_forward') // '/linux/sysctl/net~1ipv4~1ip_forward'
 */
export function pointer(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
