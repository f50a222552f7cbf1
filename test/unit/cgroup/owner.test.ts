import { expect, test } from 'vitest'
import { cgroupOwner } from '../../../lib/cgroup/owner.ts'
import { defaultSpec } from '../../../lib/spec/defaults.ts'
import type { Mount, Namespace, Spec } from '../../../lib/spec/schema.ts'

const cgroup = { destination: '/sys/fs/cgroup/', type: 'cgroup', source: 'cgroup', options: ['nosuid'] }
const uidMappings = [{ containerID: 0, hostID: 100000, size: 10 }, { containerID: 10, hostID: 7, size: 1 }]

function ownerOf(uid: number, namespaces: Namespace[], mount: Mount = cgroup): number | undefined {
  const base = defaultSpec()
  const spec: Spec = { ...base, mounts: [mount], linux: { ...base.linux, namespaces, uidMappings } }
  return cgroupOwner(spec, { args: ['x'], cwd: '/', user: { uid, gid: 0 } })
}
const own: Namespace[] = [{ type: 'mount' }, { type: 'cgroup' }]
const mapped: Namespace[] = [...own, { type: 'user' }]

test.each<[string, number | undefined, number | undefined]>([
  ['the host\'s uid of the process', ownerOf(3, mapped), 100003],
  ['from the range that has it', ownerOf(10, mapped), 7],
  ['nobody where no range has it', ownerOf(11, mapped), undefined],
  ['the uid itself without a user namespace', ownerOf(3, own), 3],
  ['nobody where it is root\'s anyway', ownerOf(0, own), undefined],
  ['nobody without a cgroup namespace', ownerOf(3, [{ type: 'mount' }, { type: 'user' }]), undefined],
  ['nobody in a cgroup namespace of others', ownerOf(3, [{ type: 'cgroup', path: '/proc/1/ns/cgroup' }]), undefined],
  ['nobody where it is read-only', ownerOf(3, mapped, { ...cgroup, options: ['ro'] }), undefined],
  ['the last option counts', ownerOf(3, mapped, { ...cgroup, type: 'cgroup2', options: ['ro', 'rw'] }), 100003],
  ['nobody where it is elsewhere', ownerOf(3, mapped, { ...cgroup, destination: '/cgroup' }), undefined],
  ['nobody where another thing is', ownerOf(3, mapped, { ...cgroup, type: 'tmpfs' }), undefined],
])('the cgroup goes to %s', (_, owner, expected) => expect(owner).toBe(expected))
