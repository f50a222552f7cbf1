// Descriptors that become readable when something happens to a cgroup. Runs in the Node process, on the JavaScript
// thread: they are made in microseconds. The paths are those of the state file; no container can reach them.
#pragma once

#include <string>
#include <vector>

#include "sys/fd.h"

namespace host {

enum class NotifyKind : u32 {
  eventControl = 0,  // cgroup v1: an eventfd registered in cgroup.event_control for the first path, with the argument
  modified = 1,      // inotify: any of the paths was modified
  trigger = 2,       // a PSI trigger (the argument) on the first path
};

struct Notification {
  Fd fd;
  u32 events = 0;  // EPOLL* that tell of it
};

Status open_notification(NotifyKind kind, const std::vector<std::string>& paths, const std::string& argument,
                         Notification& out);

}  // namespace host
