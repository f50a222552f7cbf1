// See resctrl.h. Runs on a worker thread of the Node process, before the clone. Source: the kernel's
// filesystems/resctrl.rst.

#include "host/resctrl.h"

#include "sys/fd.h"
#include "sys/kernel.h"

namespace host {
namespace {

// The file has the reason in words for the last request that was refused.
void read_reason(Text path, TextBuffer<1024>& detail) {
  char words[512];
  Fd file;
  if (!file.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_CLOEXEC, 0)).ok()) return;
  sys::Call size = CALL(read, file.get(), words, sizeof words);
  if (!size.failed()) detail.add(Text(words, static_cast<u32>(size.value)));
}

Status write_schemata(Text directory, Text schemata) {
  PathBuffer path;
  Fd file;
  path.add(directory).add("/schemata");
  if (path.overflow) return failure(ENAMETOOLONG, "openat", directory);
  TRY(file.take(CALL(openat, AT_FDCWD, path.data, O_WRONLY | O_CLOEXEC, 0)), directory);
  return status_of(CALL(write, file.get(), schemata.data, schemata.size), directory);
}

}  // namespace

Status prepare_resctrl(plan::Reader& arguments, TextBuffer<1024>& detail) {
  Text path = arguments.text(), schemata = arguments.text(), reason = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  sys::Call made = CALL(mkdirat, AT_FDCWD, path.data, 0755);
  Status status = made.error() == EEXIST ? Status{} : status_of(made, path);
  if (status.ok() && !schemata.empty()) status = write_schemata(path, schemata);
  if (!status.ok()) read_reason(reason, detail);
  return status;
}

}  // namespace host
