// See readiness.h. Runs on a thread of its own in the Node process. What the container sends is hostile: only the one line
// about readiness goes on, nothing that would change the manager's mind about pids or descriptors.

#include "host/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

#include "host/reopen.h"

namespace host {
namespace {

constexpr int kPatienceSeconds = 30;  // as long as runc waits for a manager that does not know BARRIER=1
constexpr std::string_view kReady = "READY=1";

bool address_of(const std::string& text, sockaddr_un& address, socklen_t& size) {
  if (text.empty() || text.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, text.data(), text.size());
  if (text[0] == '@') address.sun_path[0] = 0;
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (text[0] == '@' ? 0 : 1));
  return true;
}

bool says_ready(std::string_view message) {
  for (;;) {
    const size_t end = message.find('\n');
    if (message.substr(0, end) == kReady) return true;
    if (end == std::string_view::npos) return false;
    message.remove_prefix(end + 1);
  }
}

// All datagrams that are there. Descriptors that come with one are dropped by the kernel: there is no room for them.
bool read_ready(int socket) {
  char message[4096];
  for (;;) {
    ssize_t size = recv(socket, message, sizeof message, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    if (says_ready({message, static_cast<size_t>(size)})) return true;
  }
}

bool await_ready(const Relay& relay) {
  if (!relay.process.valid()) return read_ready(relay.socket.get());  // what it said before its end
  pollfd wanted[2] = {{relay.socket.get(), POLLIN, 0}, {relay.process.get(), POLLIN, 0}};
  for (;;) {
    if (poll(wanted, 2, -1) < 0 && errno != EINTR) return false;
    if (read_ready(relay.socket.get())) return true;
    if (wanted[1].revents != 0) return false;
  }
}

// The manager closes the descriptor when it has taken in everything sent before it; sd_notify_barrier(3).
int await_manager(int manager) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  Fd read_end(ends[0]), write_end(ends[1]);
  char text[] = "BARRIER=1";
  iovec vector{text, sizeof text - 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
  if (sendmsg(manager, &message, MSG_NOSIGNAL) < 0) return errno;
  write_end.reset();
  pollfd wanted{read_end.get(), POLLIN, 0};
  while (poll(&wanted, 1, kPatienceSeconds * 1000) < 0 && errno == EINTR) {
  }
  return 0;
}

int tell(const Relay& relay) {
  sockaddr_un address{};
  socklen_t size = 0;
  if (!address_of(relay.manager, address, size)) return EINVAL;
  Fd manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!manager.valid() || connect(manager.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return errno;
  // A manager whose queue is full would hold this thread, and whoever waits for it.
  const timeval patience{kPatienceSeconds, 0};
  if (setsockopt(manager.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) return errno;
  const std::string lines[] = {std::string(kReady) + "\n", relay.main_pid.empty() ? "" : "MAINPID=" + relay.main_pid + "\n"};
  for (const auto& line : lines) {
    if (!line.empty() && send(manager.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return errno;
  }
  return await_manager(manager.get());
}

// A container with the right to mount can write to the directory, too: a link in the place of the socket is not followed.
int open_to_all(const Fd& place, const std::string& name) {
  struct stat status {};
  Fd made(openat(place.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made.valid() || fstat(made.get(), &status) != 0) return errno;
  if (!S_ISSOCK(status.st_mode)) return EEXIST;
  return chmod(path_of(made).data, 0777) != 0 ? errno : 0;
}

}  // namespace

int bind_notify(const std::string& directory, const std::string& name) {
  Fd place(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place.valid()) return -errno;
  // The directory's own path may be longer than an address can be.
  const std::string path = path_of(place).data + ("/" + name);
  sockaddr_un address{};
  socklen_t size = 0;
  if (!address_of(path, address, size)) return -ENAMETOOLONG;
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return -errno;
  if (const int error = open_to_all(place, name); error != 0) return -error;
  return fd.release();
}

RelayResult relay_ready(const Relay& relay) {
  if (!await_ready(relay)) return {};
  const int error = tell(relay);
  return {error == 0, error};
}

}  // namespace host
