/** Texts of /proc/self/mountinfo and /proc/self/cgroup of several kinds of hosts, and the hosts that they describe. */
import { type CgroupHost, parseCgroupHost } from '../../../lib/cgroup/host.ts'

const base = `
23 1 254:0 / / rw,relatime - ext4 /dev/vda rw
24 23 0:21 / /proc rw - proc proc rw
30 23 0:27 / /sys rw - sysfs sysfs rw`

/** v1, as systemd mounted it with legacy cgroups: cpu and cpuacct, net_cls and net_prio share a hierarchy. */
export const v1 = {
  mountinfo: `${base}
31 30 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,memory
35 31 0:32 / /sys/fs/cgroup/devices rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,devices
36 31 0:33 / /sys/fs/cgroup/cpuset rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpuset
37 31 0:34 / /sys/fs/cgroup/net_cls,net_prio rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,net_cls,net_prio
`,
  cgroup: `6:net_cls,net_prio:/
5:cpuset:/
4:devices:/system.slice/web.service
3:memory:/system.slice/web.service
2:cpu,cpuacct:/system.slice/web.service
1:name=systemd:/system.slice/web.service
`,
}

/** v1 controllers one by one, and a cgroup2 beside them that has hugetlb. */
export const hybrid = {
  mountinfo: `${base}
31 30 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
34 31 0:31 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
35 31 0:32 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
36 31 0:33 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
37 31 0:34 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`,
  cgroup: '5:name=systemd:/\n4:pids:/\n3:devices:/\n2:memory:/job/7\n1:cpu:/\n0::/\n',
}

/** v2, with a v1 hierarchy that a VPN client mounted for itself. */
export const v2 = {
  mountinfo: `${base}
31 30 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
32 31 0:29 / /sys/fs/cgroup/net_cls rw,relatime - cgroup net_cls rw,net_cls
`,
  cgroup: '1:net_cls:/\n0::/user.slice/user-1000.slice/user@1000.service/app.slice/node.scope\n',
}

/** In a container without a cgroup namespace: the mounts begin at its own cgroup. */
export const inContainer = {
  mountinfo: `${base}
31 30 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
33 31 0:30 /docker/abc /sys/fs/cgroup/devices ro - cgroup cgroup rw,devices
`,
  cgroup: '2:devices:/docker/abc/inner\n1:memory:/docker/abc\n',
}

/** The host of a sample, with the given controllers in its cgroup2 and everything writable. */
export function hostOf(sample: { mountinfo: string, cgroup: string }, controllers: readonly string[] = []): CgroupHost {
  const host = parseCgroupHost(sample.mountinfo, sample.cgroup)
  return {
    mode: host.mode,
    hierarchies: host.hierarchies.map(one => ({ ...one, writable: true })),
    unified: host.unified && { ...host.unified, controllers, delegated: controllers, writable: true },
  }
}

/** What a v2 host of today offers. */
export const allControllers = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc']
