/**
 * The messages of criu's service mode, as far as they are used here. Source: criu, images/rpc.proto.
 */
import type { Message } from './protobuf.ts'

/** criu_req_type. */
export const REQUEST = { dump: 1, restore: 2, preDump: 4, notify: 6, featureCheck: 9, version: 10 } as const

/** The names of {@link REQUEST} as criu writes them, for messages. */
export const requestNames: Readonly<Record<number, string>> =
  { 0: 'EMPTY', 1: 'DUMP', 2: 'RESTORE', 4: 'PRE_DUMP', 6: 'NOTIFY', 9: 'FEATURE_CHECK', 10: 'VERSION' }

/** criu_cg_mode, by the words of --manage-cgroups-mode; without one `default`. */
export const CGROUP_MODE = { ignore: 0, soft: 3, full: 4, strict: 5, default: 6 } as const

/** criu_network_lock_method. */
export const NETWORK_LOCK = { iptables: 1, nftables: 2, skip: 3 } as const

const pair = { key: [1, 'string'], val: [2, 'string'] } as const

const options = {
  imagesDirFd: [1, 'int'], pid: [2, 'int'], leaveRunning: [3, 'bool'], extUnixSk: [4, 'bool'], tcpEstablished: [5, 'bool'],
  evasiveDevices: [6, 'bool'], shellJob: [7, 'bool'], fileLocks: [8, 'bool'], logLevel: [9, 'int'], logFile: [10, 'string'],
  pageServer: [11, { address: [1, 'string'], port: [2, 'int'] }], notifyScripts: [12, 'bool'], root: [13, 'string'],
  parentImage: [14, 'string'], trackMemory: [15, 'bool'], autoDedup: [16, 'bool'], workDirFd: [17, 'int'], linkRemap: [18, 'bool'],
  externalMounts: [23, pair, 'repeated'], manageCgroups: [24, 'bool'],
  cgroupRoots: [25, { controller: [1, 'string'], path: [2, 'string'] }, 'repeated'], restoreSibling: [26, 'bool'],
  inheritFd: [27, { key: [1, 'string'], fd: [2, 'int'] }, 'repeated'], manageCgroupsMode: [34, 'int'],
  external: [37, 'string', 'repeated'], emptyNamespaces: [38, 'int'],
  joinNamespaces: [39, { type: [1, 'string'], path: [2, 'string'] }, 'repeated'], freezeCgroup: [44, 'string'],
  tcpSkipInFlight: [46, 'bool'], lazyPages: [48, 'bool'], statusFd: [49, 'int'], orphanPtsMaster: [50, 'bool'],
  configFile: [51, 'string'], tcpClose: [52, 'bool'], lsmProfile: [53, 'string'], lsmMountContext: [63, 'string'],
  networkLock: [64, 'int'],
} as const

const features = { memoryTracking: [1, 'bool'], lazyPages: [2, 'bool'] } as const

/** criu_req. */
export const requestFields = { type: [1, 'int'], options: [2, options], notifySuccess: [3, 'bool'], features: [5, features] } as const

/** criu_resp. */
export const replyFields = {
  type: [1, 'int'], success: [2, 'bool'], restore: [4, { pid: [1, 'int'] }],
  notify: [5, { script: [1, 'string'], pid: [2, 'int'] }], errno: [7, 'int'], features: [8, features], message: [9, 'string'],
  version: [10, { major: [1, 'int'], minor: [2, 'int'], gitId: [3, 'string'], sublevel: [4, 'int'] }],
} as const

/** criu_opts. */
export type CriuOptions = Message<typeof options>
export type CriuFeatures = Message<typeof features>
export type CriuRequest = Message<typeof requestFields>
export type CriuReply = Message<typeof replyFields>
