// See notify.h. Sources: admin-guide/cgroup-v1/memory (9, 10, 11), inotify(7), Documentation/accounting/psi.

#include "host/notify.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "sys/kernel.h"

namespace host {
namespace {

// The kernel keeps what it needs of both files: they may be closed, and the eventfd is told of the end of the cgroup.
Status open_event_control(const std::string& path, const std::string& argument, Fd& out) {
  Fd file, control;
  TRY(file.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0)));
  const std::string directory = path.substr(0, path.rfind('/'));
  TRY(control.take(CALL(openat, AT_FDCWD, (directory + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC, 0)));
  TRY(out.take(CALL(eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK)));
  const std::string line = std::to_string(out.get()) + ' ' + std::to_string(file.get()) + ' ' + argument;
  return status_of(CALL(write, control.get(), line.data(), line.size()));
}

Status open_modified(const std::vector<std::string>& paths, Fd& out) {
  TRY(out.take(CALL(inotify_init1, IN_CLOEXEC | IN_NONBLOCK)));
  for (const auto& path : paths) TRY(CALL(inotify_add_watch, out.get(), path.c_str(), IN_MODIFY));
  return {};
}

Status open_trigger(const std::string& path, const std::string& trigger, Fd& out) {
  TRY(out.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0)));
  return status_of(CALL(write, out.get(), trigger.c_str(), trigger.size() + 1));
}

}  // namespace

Status open_notification(NotifyKind kind, const std::vector<std::string>& paths, const std::string& argument,
                         Notification& out) {
  if (paths.empty()) return failure(EINVAL, "open");
  out.events = kind == NotifyKind::trigger ? EPOLLPRI : EPOLLIN;  // a pressure file always says EPOLLIN
  switch (kind) {
    case NotifyKind::eventControl: return open_event_control(paths[0], argument, out.fd);
    case NotifyKind::modified: return open_modified(paths, out.fd);
    case NotifyKind::trigger: return open_trigger(paths[0], argument, out.fd);
  }
  return failure(EINVAL, "open");
}

}  // namespace host
