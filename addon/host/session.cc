// See session.h. Runs on a thread of its own in the Node process. The mounts are made in the thread's own mount namespace,
// which the program gets and nobody else: nothing of them is ever on the host, however this process ends.

#include "host/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>  // and not sys/mount.h, whose declarations clash with it
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace host {
namespace {

constexpr size_t kMessageMax = 1 << 16;
constexpr size_t kSocketNumber = 3;

long mount_flags(const char* source, const char* target, unsigned long flags) {
  return syscall(SYS_mount, source, target, nullptr, flags, nullptr);
}

// What the host mounts later is seen; what is mounted here does not reach it.
const char* make_mounts(const Session& session) {
  const char* target = session.target.c_str();
  if (unshare(CLONE_NEWNS) != 0) return "unshare";
  if (mount_flags(nullptr, "/", MS_REC | MS_SLAVE) != 0) return "mount";
  if (mount_flags(session.source.c_str(), target, MS_BIND | MS_REC) != 0) return "mount";
  if (!session.readonly) return nullptr;
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY;
  return syscall(SYS_mount_setattr, AT_FDCWD, target, 0, &change, sizeof change) == 0 ? nullptr : "mount_setattr";
}

int spawn(const Session& session, int socket, pid_t& pid) {
  std::vector<int> files;
  for (const Fd& descriptor : session.descriptors) files.push_back(descriptor.get());
  while (files.size() < kSocketNumber) files.push_back(-1);
  files.insert(files.begin() + kSocketNumber, socket);
  return start_program(session.program, files, pid);
}

}  // namespace

SessionStart start_session(Session& session) {
  SessionStart start;
  // The peer's credentials are those of who makes the pair: criu opens the descriptors that a request names in this process.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    start.error = errno;
    start.step = "socketpair";
    return start;
  }
  start.socket.reset(ends[0]);
  Fd made(ends[1]), theirs(fcntl(made.get(), F_DUPFD_CLOEXEC, Session::kFirstNumber));
  if (!session.source.empty()) {
    if (const char* failed = make_mounts(session); failed != nullptr) {
      start.error = errno;
      start.step = failed;
      return start;
    }
  }
  pid_t pid = -1;
  start.error = theirs.valid() ? spawn(session, theirs.get(), pid) : EMFILE;
  start.step = "posix_spawn";
  if (start.error == 0) start.pid = pid;
  return start;
}

Reply exchange(int socket, const std::string& message) {
  Reply reply;
  if (!message.empty() && send(socket, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    // What it said before it ended is still to be read.
    if (errno != EPIPE && errno != ECONNRESET) {
      reply.error = errno;
      return reply;
    }
  }
  reply.data.resize(kMessageMax);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec vector{reply.data.data(), reply.data.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  reply.error = size >= 0 ? 0 : errno == ECONNRESET ? 0 : errno;
  reply.data.resize(size > 0 ? static_cast<size_t>(size) : 0);
  if (size >= 0 && (header.msg_flags & MSG_TRUNC) != 0) reply.error = EMSGSIZE;
  cmsghdr* first = size > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (first != nullptr && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(first), sizeof descriptor);
    reply.descriptor.reset(descriptor);
  }
  return reply;
}

}  // namespace host
