// Constants and structures of the kernel's ABI, from its own headers; what those of an older build machine lack stands
// here. libc's headers must not be included beside it in init.
#pragma once

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/if.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>

#include "sys/text.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#ifndef CGROUP_SUPER_MAGIC
#define CGROUP_SUPER_MAGIC 0x27e0eb
#endif

namespace kernel {

constexpr int kSigKill = 9;
constexpr int kSigChld = 17;
constexpr u32 kSignals = 64;
constexpr int kPidfdWait = 3;        // P_PIDFD of waitid(2)
constexpr int kWaitExited = 4;       // WEXITED
constexpr int kWaitNoHang = 1;       // WNOHANG
constexpr int kWaitAll = 0x40000000; // __WALL
constexpr u64 kPtmxDevice = (5 << 8) | 2;
constexpr u64 kNullDevice = (1 << 8) | 3;

constexpr u64 device_number(u32 major, u32 minor) {
  return (minor & 0xff) | ((major & 0xfff) << 8) | (static_cast<u64>(minor & ~0xffu) << 12) |
         (static_cast<u64>(major & ~0xfffu) << 32);
}

// struct stat of newfstatat(2) for the two 64-bit architectures we know.
#if defined(__x86_64__)
struct Stat {
  u64 dev, ino, nlink;
  u32 mode, uid, gid, pad;
  u64 rdev;
  i64 size, blksize, blocks;
  u64 times[6];
  i64 unused[3];
};
#else
struct Stat {
  u64 dev, ino;
  u32 mode, nlink, uid, gid;
  u64 rdev, pad;
  i64 size;
  i32 blksize, pad2;
  i64 blocks;
  u64 times[6];
  u32 unused[2];
};
#endif

struct StatFs {
  i64 type;
  i64 rest[14];
};

struct DirectoryEntry {  // struct linux_dirent64
  u64 inode;
  i64 next;
  u16 length;
  u8 type;
  char name[];
};

struct Vector {
  void* base;
  u64 length;
};

struct Message {
  void* name;
  i32 name_length;
  i32 pad;
  Vector* vectors;
  u64 vector_count;
  void* control;
  u64 control_length;
  i32 flags;
  i32 pad2;
};

struct ControlHeader {
  u64 length;
  i32 level;  // SOL_SOCKET 1
  i32 type;   // SCM_RIGHTS 1
};

constexpr i32 kMessageNoSignal = 0x4000;
constexpr i32 kMessageCloseOnExec = 0x40000000;
constexpr u32 kDescriptorsPerMessage = 250;  // SCM_MAX_FD is 253

struct Poll {
  i32 fd;
  short events;
  short revents;
};
constexpr short kPollIn = 1;

struct TimeSpec {
  i64 seconds;
  i64 nanoseconds;
};

// siginfo_t as waitid(2) fills it.
struct SignalInfo {
  i32 signal, error, code, pad;
  i32 pid;
  u32 uid;
  i32 status;
  i32 rest[25];
};

struct WindowSize {
  u16 rows, columns, xpixel, ypixel;
};

}  // namespace kernel
