// See create.h. A file system that belongs to a user namespace takes no file from an owner whom it does not know
// (EOVERFLOW): the file must be the container's from its first moment, and a later chown(2) would be too late.

#include "host/create.h"

#include "host/reopen.h"
#include "sys/kernel.h"

namespace host {
namespace {

// The thread creates as this user; what it may do stays what the process may. setfsuid(2) fails in silence.
int become(i64 uid, i64 gid) {
  if (gid >= 0) {
    CALL(setfsgid, gid);
    if (CALL(setfsgid, -1).value != gid) return EPERM;
  }
  if (uid >= 0) {
    CALL(setfsuid, uid);
    if (CALL(setfsuid, -1).value != uid) return EPERM;
  }
  // A change of the id has taken the rights on files from the effective set; capabilities(7), setfsuid.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (sys::Call got = CALL(capget, &header, data); got.failed()) return got.error();
  for (auto& half : data) half.effective = half.permitted;
  return CALL(capset, &header, data).error();
}

}  // namespace

int create_entry(const NewEntry& entry, Fd& file) {
  if (int error = become(entry.uid, entry.gid); error != 0) return error;
  const char* name = entry.name.c_str();
  const int directory = entry.directory.get();
  switch (entry.kind) {
    case EntryKind::directory: return CALL(mkdirat, directory, name, 0700).error();
    case EntryKind::link: return CALL(symlinkat, entry.target.c_str(), directory, name).error();
    case EntryKind::renamed: return CALL(renameat2, directory, entry.target.c_str(), directory, name, 0).error();
    default: {
      Fd made;
      const Status opened = made.take(CALL(openat, directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      return opened.ok() ? reopen(made, O_PATH, file).error : opened.error;
    }
  }
}

}  // namespace host
