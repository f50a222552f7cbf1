// tmpcopyup: what a directory of the image holds, copied into the file system that is mounted over it. In process:
// init, before the pivot, with the rights of the host: the image is hostile, and so is what changes it meanwhile. Every
// entry is taken by name from the descriptor of its directory, no link is followed, and nothing that is mounted below is
// entered.

#include "init/context.h"

namespace {

constexpr u32 kDepth = 128;
constexpr u32 kTypeMask = 0170000, kDirectory = 0040000, kRegular = 0100000, kLink = 0120000;

// An id that the user namespace does not map cannot be given away: the copy is then the maker's.
Status keep_owner(const Fd& parent, const char* name, const kernel::Stat& status, int flags) {
  sys::Call changed = CALL(fchownat, parent.get(), name, status.uid, status.gid, flags | AT_SYMLINK_NOFOLLOW);
  return changed.error() == EINVAL ? Status{} : status_of(changed);
}

Status open_beneath(const Fd& parent, const char* name, u64 flags, Fd& out) {
  open_how how{};
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return out.take(CALL(openat2, parent.get(), name, &how, sizeof how));
}

Status copy_link(const Fd& from, const Fd& into, const char* name) {
  char target[kPathMax];
  sys::Call size = CALL(readlinkat, from.get(), name, target, sizeof target - 1);
  TRY(size);
  target[size.value] = 0;
  return status_of(CALL(symlinkat, target, into.get(), name));
}

// Opened without blocking, and looked at again: a FIFO may have taken the file's place.
Status copy_file(const Fd& from, const Fd& into, const char* name, kernel::Stat& status) {
  Fd source, copy;
  TRY(open_beneath(from, name, O_RDONLY | O_NONBLOCK, source));
  TRY(CALL(fstat, source.get(), &status));
  if ((status.mode & kTypeMask) != kRegular) return failure(ESTALE, "fstat");
  TRY(copy.take(CALL(openat, into.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)));
  for (;;) {
    sys::Call sent = CALL(sendfile, copy.get(), source.get(), nullptr, 1u << 30);
    TRY(sent);
    if (sent.value == 0) return {};
  }
}

Status copy_directory(const Fd& from, const Fd& into, u32 depth);

Status copy_entry(const Fd& from, const Fd& into, const char* name, u32 depth) {
  kernel::Stat status{};
  TRY(CALL(newfstatat, from.get(), name, &status, AT_SYMLINK_NOFOLLOW));
  const u32 type = status.mode & kTypeMask;
  Fd inner, made;
  if (type == kLink) {
    TRY(copy_link(from, into, name));
    return keep_owner(into, name, status, 0);
  }
  if (type == kRegular) {
    TRY(copy_file(from, into, name, status));
  } else if (type == kDirectory) {
    TRY(CALL(mkdirat, into.get(), name, 0700));
    Status opened = open_beneath(from, name, O_RDONLY | O_DIRECTORY, inner);
    if (opened.error == EXDEV) return {};  // a mount: its place is kept, its content is not the image's
    TRY(opened);
    TRY(made.take(CALL(openat, into.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)));
    TRY(copy_directory(inner, made, depth + 1));
  } else {
    TRY(CALL(mknodat, into.get(), name, type | 0600, status.rdev));
  }
  TRY(keep_owner(into, name, status, 0));
  TRY(CALL(fchmodat, into.get(), name, status.mode & 07777));  // after the owner, whose change takes setuid away
  const kernel::TimeSpec times[2] = {{static_cast<i64>(status.times[0]), static_cast<i64>(status.times[1])},
                                     {static_cast<i64>(status.times[2]), static_cast<i64>(status.times[3])}};
  return status_of(CALL(utimensat, into.get(), name, times, AT_SYMLINK_NOFOLLOW));
}

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

Status copy_directory(const Fd& from, const Fd& into, u32 depth) {
  if (depth > kDepth) return failure(ELOOP, "getdents64");
  alignas(8) u8 entries[2048];
  for (;;) {
    sys::Call size = CALL(getdents64, from.get(), entries, sizeof entries);
    TRY(size);
    if (size.value == 0) return {};
    for (long at = 0; at < size.value;) {
      const auto* entry = reinterpret_cast<const kernel::DirectoryEntry*>(entries + at);
      at += entry->length;
      if (!is_dots(entry->name)) TRY(copy_entry(from, into, entry->name, depth));
    }
  }
}

}  // namespace

// FROM is open for reading; INTO is the root of the new file system.
Status copy_tree(const Fd& from, const Fd& into, Text operand) {
  kernel::Stat status{};
  TRY(CALL(fstat, from.get(), &status), operand);
  Status copied = keep_owner(into, "", status, AT_EMPTY_PATH);
  if (copied.ok()) copied = copy_directory(from, into, 0);
  copied.operand = operand;
  return copied;
}
