// Who the process is: uid, gids, capabilities, limits, privileges. In process: init, after the pivot, apart from
// becomeRoot, which comes right after the user namespace is entered.

#include "init/context.h"

namespace {

constexpr u32 kCapabilities = 64;

struct CapabilityData {
  u32 effective, permitted, inheritable;
};

Status capset(u64 effective, u64 permitted, u64 inheritable) {
  struct {
    u32 version;
    i32 pid;
  } header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilityData data[2] = {
      {static_cast<u32>(effective), static_cast<u32>(permitted), static_cast<u32>(inheritable)},
      {static_cast<u32>(effective >> 32), static_cast<u32>(permitted >> 32), static_cast<u32>(inheritable >> 32)}};
  return status_of(CALL(capset, &header, data));
}

Status capget(u64& permitted) {
  struct {
    u32 version;
    i32 pid;
  } header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilityData data[2] = {};
  TRY(CALL(capget, &header, data));
  permitted = data[0].permitted | (static_cast<u64>(data[1].permitted) << 32);
  return {};
}

// A change of ids sets this to fs.suid_dumpable, which may be 1: then processes of the container with the same uid could
// look into this one (CVE-2016-9962).
Status stay_undumpable() { return status_of(CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)); }

// A program that re-opens /dev/stdout needs to own what is behind it; a shared /dev/null is left alone.
void own_stdio(u32 uid) {
  for (int fd = 0; fd < 3; fd++) {
    kernel::Stat status{};
    if (CALL(fstat, fd, &status).failed() || status.uid == uid) continue;
    bool character_device = (status.mode & 0170000) == 0020000;
    if (character_device && status.rdev == kernel::kNullDevice) continue;
    CALL(fchown, fd, uid, static_cast<u32>(-1));  // files of a read-only or foreign file system stay as they are
  }
}

}  // namespace

// The ambient set only carried the capabilities over the exec of init; what the container's program inherits is decided
// by setCapabilities alone.
Status become_root(Context&, plan::Reader& arguments) {
  if (!arguments.done()) return malformed();
  TRY(CALL(setresgid, 0, 0, 0), "gid 0");
  TRY(CALL(setresuid, 0, 0, 0), "uid 0");
  TRY(stay_undumpable());
  TRY(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  u64 permitted = 0;
  TRY(capget(permitted));
  return capset(permitted, permitted, 0);
}

Status set_rlimit(Context&, plan::Reader& arguments) {
  u32 resource = arguments.number();
  Text name = arguments.text();
  u64 limit[2] = {arguments.number64(), arguments.number64()};
  return arguments.done() ? status_of(CALL(prlimit64, 0, resource, limit, nullptr), name) : malformed();
}

Status set_umask(Context&, plan::Reader& arguments) {
  u32 mask = arguments.number();
  return arguments.done() ? status_of(CALL(umask, mask)) : malformed();
}

Status no_new_privileges(Context&, plan::Reader& arguments) {
  return arguments.done() ? status_of(CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) : malformed();
}

// Bounded by the kernel's own last capability, not by the one of the build machine's headers.
Status drop_bounding(Context&, plan::Reader& arguments) {
  u64 keep = arguments.number64();
  if (!arguments.done()) return malformed();
  for (u32 capability = 0; capability < kCapabilities; capability++) {
    if ((keep >> capability) & 1) continue;
    sys::Call drop = CALL(prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (drop.error() == EINVAL) return {};
    TRY(drop);
  }
  return {};
}

Status set_user(Context&, plan::Reader& arguments) {
  u32 uid = arguments.number(), gid = arguments.number(), count = arguments.number();
  constexpr u32 kGroups = 4096;
  static u32 groups[kGroups];
  if (count > kGroups) return failure(EINVAL, "setgroups");
  for (u32 i = 0; i < count; i++) groups[i] = arguments.number();
  u32 keep_groups = arguments.number();
  if (!arguments.done()) return malformed();
  own_stdio(uid);
  TRY(CALL(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
  if (keep_groups == 0) TRY(CALL(setgroups, count, groups));
  TRY(CALL(setresgid, gid, gid, gid));
  TRY(CALL(setresuid, uid, uid, uid));
  TRY(stay_undumpable());
  return status_of(CALL(prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0));
}

Status set_capabilities(Context&, plan::Reader& arguments) {
  u64 effective = arguments.number64(), permitted = arguments.number64();
  u64 inheritable = arguments.number64(), ambient = arguments.number64(), until_exec = arguments.number64();
  if (!arguments.done()) return malformed();
  u64 owned = 0;
  TRY(capget(owned));  // the kernel refuses what is not there; a smaller set is what a nested host can give
  permitted &= owned;
  effective &= permitted;
  TRY(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  // execve makes the sets anew, out of the bounding, inheritable and ambient ones: what is kept for init ends there.
  until_exec &= owned;
  TRY(capset(effective | until_exec, permitted | until_exec, inheritable & owned));
  for (u32 capability = 0; capability < kCapabilities; capability++) {
    if (((ambient & permitted & inheritable) >> capability) & 1) {
      TRY(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
    }
  }
  return {};
}
