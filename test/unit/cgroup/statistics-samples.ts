/** The files that statistics are read from, of a container on v1 and of one on v2. */
export const paths = {
  cpu: '/c', cpuacct: '/c', cpuset: '/s', memory: '/m', pids: '/p', blkio: '/b', hugetlb: '/h', rdma: '/r', devices: '/d',
}
export const v1: Readonly<Record<string, string>> = {
  '/c/cpu.stat': 'nr_periods 3\nnr_throttled 2\nthrottled_time 1000\n',
  '/c/cpuacct.stat': 'user 5\nsystem 7\n', '/c/cpuacct.usage': '123456789\n', '/c/cpuacct.usage_percpu': '100 23 \n',
  '/c/cpuacct.usage_all': 'cpu user system\n0 60 40\n1 20 3\n',
  '/s/cpuset.cpus': '0-2,7\n', '/s/cpuset.mems': '0\n', '/s/cpuset.sched_relax_domain_level': '-1\n',
  '/s/cpuset.sched_load_balance': '1\n',
  '/m/memory.stat': 'rss 10\ncache 4096\nhierarchical_memory_limit 9223372036854771712\n',
  '/m/memory.limit_in_bytes': '9223372036854771712\n', '/m/memory.usage_in_bytes': '5\n',
  '/m/memory.max_usage_in_bytes': '6\n', '/m/memory.failcnt': '7\n', '/m/memory.memsw.usage_in_bytes': '8\n',
  '/m/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  '/p/pids.current': '4\n', '/p/pids.max': 'max\n',
  '/b/blkio.bfq.io_serviced_recursive': 'Total 0\n',
  '/b/blkio.throttle.io_serviced_recursive': '8:0 Read 3\n8:0 Total 3\nTotal 3\n',
  '/b/blkio.throttle.io_service_bytes_recursive': '8:16 Write 4096\n',
  '/h/hugetlb.2MB.rsvd.usage_in_bytes': '2\n', '/h/hugetlb.2MB.rsvd.failcnt': '1\n', '/h/hugetlb.2MB.usage_in_bytes': '9\n',
  '/r/rdma.current': 'mlx5_0 hca_handle=2 hca_object=2000\n',
}

const psi = (full: string): string => `some avg10=1.50 avg60=0.25 avg300=0.00 total=123\n${full}`
const fullLine = 'full avg10=0.10 avg60=0.00 avg300=0.00 total=12\n'
export const v2: Readonly<Record<string, string>> = {
  '/u/cpu.stat': 'usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 1\nthrottled_usec 5\n',
  '/u/cpu.pressure': psi(''), '/u/memory.stat': 'anon 1\nfile 2\n', '/u/memory.current': '100\n', '/u/memory.max': '1000\n',
  '/u/memory.peak': '200\n', '/u/memory.swap.current': '7\n', '/u/memory.swap.max': '50\n', '/u/memory.swap.peak': '9\n',
  '/u/memory.pressure': psi(fullLine), '/u/memory.events': 'low 0\noom 3\noom_kill 2\n', '/u/pids.current': '5\n',
  '/u/pids.max': '10\n',
  '/u/io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16 rbytes=18446744073709551615\n',
  '/u/hugetlb.2MB.current': '6\n', '/u/hugetlb.2MB.events': 'max 1\n', '/u/rdma.current': 'mlx5_0 hca_handle=1 hca_object=max\n',
  '/u/misc.current': 'res_a 3\n',
}
