// Descriptors: pipes, sockets, terminals.

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "binding/addon.h"
#include "sys/kernel.h"

namespace binding {

// pipe(): [read end, write end], close-on-exec; both are closed at the end of the environment at the latest
Napi::Value Addon::Pipe(const Info& info) {
  int ends[2] = {-1, -1};
  sys::Call made = CALL(pipe2, ends, O_CLOEXEC);
  if (!made.failed()) {
    for (int end : ends) held_->add(end);
  }
  auto pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, made.failed() ? -made.error() : ends[0]);
  pair.Set(1u, ends[1]);
  return pair;
}

// close(fd): of a descriptor that came from here; a worker thread of Node takes fs.closeSync of one for a mistake.
Napi::Value Addon::Close(const Info& info) { return result(info, -held_->close(number(info, 0))); }

// handOver(fd): a stream of Node closes it from now on.
Napi::Value Addon::HandOver(const Info& info) {
  held_->hand_over(number(info, 0));
  return info.Env().Undefined();
}

// connect(path): a stream socket connected to a UNIX address; -EAGAIN when its listener has no room now
Napi::Value Addon::Connect(const Info& info) {
  std::string path = text(info, 0);
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return result(info, -ENAMETOOLONG);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return checked(info, -1);
  }
  CALL(fcntl, fd.get(), F_SETFL, 0);
  return result(info, held_->add(fd.release()));
}

// sendDescriptor(socket, data, descriptor): one message, never blocking: what does not fit into a fresh socket is an error
Napi::Value Addon::SendDescriptor(const Info& info) {
  std::string data = text(info, 1);
  struct {
    kernel::ControlHeader header;
    int fd;
    int pad;
  } control{{sizeof(kernel::ControlHeader) + 4, SOL_SOCKET, SCM_RIGHTS}, number(info, 2), 0};
  kernel::Vector vector{data.data(), data.size()};
  kernel::Message message{nullptr, 0, 0, &vector, 1, &control, sizeof control, 0, 0};
  sys::Call sent = CALL(sendmsg, number(info, 0), &message, kernel::kMessageNoSignal | MSG_DONTWAIT);
  if (sent.failed()) return result(info, -sent.error());
  return result(info, static_cast<size_t>(sent.value) == data.size() ? 0 : -EMSGSIZE);
}

// descriptorFlags(fd): F_GETFD; tells whether it is open
Napi::Value Addon::DescriptorFlags(const Info& info) {
  sys::Call flags = CALL(fcntl, number(info, 0), F_GETFD);
  return result(info, flags.failed() ? -flags.error() : flags.value);
}

// pendingBytes(fd): how much is in a pipe
Napi::Value Addon::PendingBytes(const Info& info) {
  int size = 0;
  sys::Call asked = CALL(ioctl, number(info, 0), FIONREAD, &size);
  return result(info, asked.failed() ? -asked.error() : size);
}

Napi::Value Addon::SetWindowSize(const Info& info) {
  kernel::WindowSize size{static_cast<u16>(number(info, 1)), static_cast<u16>(number(info, 2)), 0, 0};
  return checked(info, ioctl(number(info, 0), TIOCSWINSZ, &size));
}

}  // namespace binding
