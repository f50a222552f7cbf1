// The numbers of the operations: the same as in lib/plan/operations.ts (a unit test compares the two).
#pragma once

#include "sys/text.h"

enum class Operation : u32 {
  makeCgroup = 1,
  writeCgroup = 2,
  attachDeviceProgram = 3,
  openDescriptor = 4,
  clone = 5,
  mapIds = 6,
  adjustOomScore = 7,

  joinCgroup = 16,
  enterNamespace = 17,
  unshare = 18,
  fork = 19,
  becomeRoot = 20,
  newSession = 21,
  sessionKeyring = 22,
  setHostname = 23,
  setDomainname = 24,
  loopbackUp = 25,

  setPropagation = 32,
  openRoot = 33,
  mount = 34,
  bindMount = 35,
  makeDevice = 36,
  makeSymlink = 37,
  makeDirectory = 38,
  maskPath = 39,
  readonlyPath = 40,
  pivotRoot = 41,
  moveRoot = 42,
  changeRoot = 43,
  rootPropagation = 44,
  remountRootReadonly = 45,
  remount = 46,

  writeProc = 64,
  console = 65,
  stdio = 66,
  passDescriptor = 67,
  rlimit = 68,
  umask = 69,
  noNewPrivileges = 70,
  dropBounding = 71,
  setUser = 72,
  setCapabilities = 73,
  changeDirectory = 74,
  findProgram = 75,

  awaitRuntimeHooks = 80,
  hook = 81,
  awaitStart = 82,
  execute = 83,

  sendPidfd = 100,
};
