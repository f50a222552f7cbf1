// See reopen.h. Any thread of the Node process.

#include "host/reopen.h"

#include "sys/kernel.h"

namespace host {

TextBuffer<48> path_of(const Fd& file) {
  TextBuffer<48> path;
  path.add("/proc/self/fd/").add_number(static_cast<u64>(file.get()));
  return path;
}

Status reopen(const Fd& file, int flags, Fd& out) {
  return out.take(CALL(openat, AT_FDCWD, path_of(file).data, flags | O_CLOEXEC, 0));
}

}  // namespace host
