// See command.h. Runs on a thread of its own in the Node process.

#include "host/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "sys/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace host {
namespace {

constexpr size_t kOutputMax = 1 << 20;
constexpr int kReadsAfterEnd = 64;  // more than a full pipe; a daemon may go on writing for ever
constexpr int kCloseOnExec = 02000000;

struct Streams {
  Fd input, output_read, output_write, error_read, error_write;
};

bool open_streams(const std::string& input, Streams& streams) {
  streams.input.reset(memfd_create("input", MFD_CLOEXEC));
  if (!streams.input.valid()) return false;
  for (size_t at = 0; at < input.size();) {
    ssize_t written = write(streams.input.get(), input.data() + at, input.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += static_cast<size_t>(written);
  }
  lseek(streams.input.get(), 0, SEEK_SET);
  int ends[2];
  if (pipe2(ends, kCloseOnExec) != 0) return false;
  streams.output_read.reset(ends[0]);
  streams.output_write.reset(ends[1]);
  if (pipe2(ends, kCloseOnExec) != 0) return false;
  streams.error_read.reset(ends[0]);
  streams.error_write.reset(ends[1]);
  return true;
}

int spawn(const Command& command, const Streams& streams, pid_t& pid) {
  const Fd& output = command.output_file ? *command.output_file : streams.output_write;
  const Fd& error_output = command.error_file ? *command.error_file : streams.error_write;
  return start_program(command.program, {streams.input.get(), output.get(), error_output.get()}, pid);
}

// What does not fit any more is read and dropped: the program must not block on it.
void drain(pollfd& from, std::string& into) {
  if ((from.revents & (POLLIN | POLLHUP)) == 0) return;
  char piece[16384];
  ssize_t size = read(from.fd, piece, sizeof piece);
  if (size <= 0) {
    from.fd = -1;
    return;
  }
  size_t room = kOutputMax - into.size();
  into.append(piece, static_cast<size_t>(size) < room ? static_cast<size_t>(size) : room);
}

// Until the program itself ends; a daemon that it left behind and that holds a pipe is not waited for.
bool follow(int pidfd, Streams& streams, const Command& command, CommandResult& result) {
  const unsigned timeout_ms = command.timeout_ms;
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + std::chrono::milliseconds(timeout_ms);
  int reads_after_end = 0;
  pollfd wanted[4] = {{pidfd, POLLIN, 0},
                      {streams.output_read.get(), POLLIN, 0},
                      {streams.error_read.get(), POLLIN, 0},
                      {command.cancel ? command.cancel->get() : -1, 0, 0}};
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (timeout_ms != 0 && left <= 0) return false;
    int ready = poll(wanted, 4, timeout_ms == 0 ? -1 : static_cast<int>(left < 1 << 30 ? left : 1 << 30));
    if (ready < 0 && errno != EINTR) {
      result.error = errno;
      return false;
    }
    if (ready <= 0) continue;
    drain(wanted[1], result.output);
    drain(wanted[2], result.error_output);
    if ((wanted[0].revents & POLLIN) == 0) {
      if (wanted[3].revents != 0) return false;
      continue;
    }
    bool quiet = (wanted[1].revents & POLLIN) == 0 && (wanted[2].revents & POLLIN) == 0;
    if (quiet || ++reads_after_end > kReadsAfterEnd) return true;
  }
}

}  // namespace

CommandResult run_command(const Command& command) {
  CommandResult result;
  Streams streams;
  pid_t pid = 0;
  if (!open_streams(command.input, streams)) {
    result.error = errno;
    return result;
  }
  result.error = spawn(command, streams, pid);
  if (result.error != 0) return result;
  streams.output_write.reset();
  streams.error_write.reset();
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    result.error = errno;
    kill(pid, SIGKILL);
  } else if (!follow(pidfd.get(), streams, command, result)) {
    result.timed_out = result.error == 0;
    syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  }
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  if (info.si_code == CLD_EXITED) result.code = info.si_status;
  else result.signal = info.si_status;
  return result;
}

}  // namespace host
