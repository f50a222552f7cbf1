// The bytes that travel between the host and init. All integers are little-endian.
//
//   plan       u32 magic, u32 version, u32 size of all, u32 number of operations, then the operations
//   operation  u32 number, u32 size of what follows, text JSON pointer, arguments
//   text       u32 length, bytes, NUL        list   u32 count, texts        numbers  u32 count, u32 each
//
// Host to init over the control socket: Bootstrap, and with it the first descriptors (SCM_RIGHTS); those that one message
// does not hold with one byte for each further message; then the plan; later one byte for each wait, or for awaitPlan all
// of it again. Init to host: Frame and its payload.
#pragma once

#include "sys/text.h"

namespace plan {

constexpr u32 kMagic = 0x6e757250;
constexpr u32 kVersion = 1;
constexpr u32 kMaximumSize = 64u << 20;
constexpr u32 kMaximumDescriptors = 1000;
constexpr u32 kNoSlot = 0xffffffff;
constexpr int kControlDescriptor = 3;
// Where init mounts the root file system that it was given as a tree (host/bare-mounts.h).
constexpr const char* kBareRoot = "/rootfs";

struct Bootstrap {
  u32 magic;
  u32 plan_size;
  i32 pid;  // init's own, as the host sees it
  u32 descriptors;
};

enum class FrameType : u32 {
  ready = 1,    // the runtime hooks may run
  created = 2,  // waits for start; u32 operation and u64 nanoseconds for each stamp (init/context.h, Stamps)
  failed = 3,   // u32 operation index, u32 operation, i32 errno, texts: pointer, system call, operand, detail
  console = 4,  // carries the master of the console
  forked = 5,   // i32 pid; carries the pidfd of the process that goes on
  listener = 7,  // carries the descriptor on which trapped system calls are told
  started = 6,  // start was heard; end of file that follows means that the program was executed
};

struct Frame {
  FrameType type;
  u32 size;
};
constexpr u32 kMaximumFrame = 16384;

}  // namespace plan
