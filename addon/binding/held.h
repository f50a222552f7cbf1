// Descriptors that an environment holds for JavaScript, and that are closed at its end at the latest: whoever is terminated
// runs no `finally`, and a container would be locked, or its input open, for as long as the process lives. Any thread.
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <mutex>
#include <unordered_map>

#include "sys/call.h"
#include "sys/kernel.h"

namespace binding {

class Held {
 public:
  // @returns FD. After the end it is closed at once: of a thread that waited until then.
  int add(int fd) {
    std::lock_guard lock(guard_);
    if (ended_) CALL(close, fd);
    else descriptors_[fd] = file_of(fd);
    return fd;
  }
  // 0 or an errno. The number may be given away again as soon as it is closed.
  int close(int fd) {
    {
      std::lock_guard lock(guard_);
      descriptors_.erase(fd);
    }
    return CALL(close, fd).error();
  }
  // Somebody else closes it from now on.
  void hand_over(int fd) {
    std::lock_guard lock(guard_);
    descriptors_.erase(fd);
  }
  // What a stream of Node has closed meanwhile is another file by now, or none.
  void close_all() {
    std::lock_guard lock(guard_);
    for (const auto& [fd, file] : descriptors_) {
      if (file == file_of(fd) && file.inode != 0) CALL(close, fd);
    }
    descriptors_.clear();
    ended_ = true;
  }

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const File&) const = default;
  };

  // What is known: a file system of a container's own (FUSE) is not asked, which might never answer, and hold up all.
  static File file_of(int fd) {
    struct statx status{};
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) != 0) return {};
    return {makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
  }

  std::mutex guard_;
  bool ended_ = false;
  std::unordered_map<int, File> descriptors_;
};

}  // namespace binding
