// Starting init without copying the Node process.
#pragma once

#include "sys/fd.h"

namespace host {

struct Child {
  i32 pid = 0;
  Fd pidfd;
};

// clone3 with FLAGS (CLONE_NEW*), then execveat of IMAGE, whose control socket is SOCKET. CGROUP is a cgroup2 directory
// that the child is born in, or -1.
Status clone_init(u64 flags, int image, int socket, int cgroup, Child& child);

// 0 when a process can be made with FLAGS (CLONE_NEW*), otherwise the errno. It has ended when this returns.
int try_clone(u64 flags);

}  // namespace host
