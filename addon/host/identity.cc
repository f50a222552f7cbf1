// See identity.h.

#include "host/identity.h"

#include <errno.h>

#include "sys/kernel.h"

namespace host {

int read_start_time(i32 pid, std::string& time) {
  TextBuffer<48> path;
  path.add("/proc/").add_number(static_cast<u64>(pid)).add("/stat");
  Fd file;
  char text[1024];
  if (Status opened = file.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_CLOEXEC, 0)); !opened.ok()) return opened.error;
  sys::Call size{};
  do {
    size = CALL(read, file.get(), text, sizeof text);
  } while (size.error() == EINTR);
  if (size.failed()) return size.error();
  std::string stat(text, static_cast<size_t>(size.value));
  size_t at = stat.rfind(')');  // the name before it may hold anything
  for (int field = 2; field < 22 && at != std::string::npos; field++) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return EPROTO;
  time = stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
  return 0;
}

namespace {

// 0 when PID still is the process that began at START.
int confirm(i32 pid, const std::string& start) {
  std::string time;
  const int error = read_start_time(pid, time);
  const bool unknown = error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == EINTR;
  if (unknown) return error;  // not to know is not that it is gone
  return time == start ? 0 : ESRCH;
}

}  // namespace

int open_process(i32 pid, const std::string& start_time, Fd& pidfd) {
  Status opened = pidfd.take(CALL(pidfd_open, pid, 0));
  return opened.ok() ? confirm(pid, start_time) : opened.error;
}

int open_root_of(i32 pid, const std::string& start, Fd& root) {
  Fd pidfd;
  if (int error = open_process(pid, start, pidfd); error != 0) return error;
  const std::string path = "/proc/" + std::to_string(pid) + "/root";
  Status opened = root.take(CALL(openat, AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
  if (!opened.ok()) return opened.error;
  // The process could have ended, and another one have got its pid, before the path was resolved.
  return confirm(pid, start);
}

}  // namespace host
