// See image.h. Runs on worker threads of the Node process.
//
// What /proc/PID/exe of a waiting container names is this file, not the Node binary, and nobody can write to it: the
// guard against CVE-2019-5736.

#include "host/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <memory>
#include <mutex>

#include "host/reopen.h"
#include "sys/kernel.h"

extern "C" const u8 nrunc_init_image[];
extern "C" const u8 nrunc_init_image_end[];

namespace host {
namespace {

constexpr u32 kCloseOnExec = 1, kAllowSealing = 2, kExecutable = 0x10;  // MFD_*
constexpr int kAddSeals = 1033, kGetSeals = 1034;                       // F_*
constexpr int kAllSeals = 0x1 | 0x2 | 0x4 | 0x8;                        // F_SEAL_SEAL, SHRINK, GROW, WRITE
constexpr int kNotOurs = EIO;
constexpr int kFirstNumber = 16;  // above the numbers that the child between clone and exec uses

Status write_image(int fd) {
  const u8* at = nrunc_init_image;
  while (at < nrunc_init_image_end) {
    sys::Call written = CALL(write, fd, at, static_cast<u64>(nrunc_init_image_end - at));
    if (written.error() == EINTR) continue;
    TRY(written, "init");
    at += written.value;
  }
  return {};
}

// Until it is sealed, other code of this process can write to it through its number (class of CVE-2019-5736). Afterwards
// nobody can, so this is asked once.
Status compare_image(const Fd& fd) {
  const u8* at = nrunc_init_image;
  u8 piece[16384];
  while (at < nrunc_init_image_end) {
    const u64 left = static_cast<u64>(nrunc_init_image_end - at);
    sys::Call got = CALL(pread64, fd.get(), piece, left < sizeof piece ? left : sizeof piece, at - nrunc_init_image);
    if (got.error() == EINTR) continue;
    TRY(got, "init");
    if (got.value == 0 || memcmp(piece, at, static_cast<size_t>(got.value)) != 0) return failure(kNotOurs, "pread64", "init");
    at += got.value;
  }
  return {};
}

// The writable descriptor must be gone before the exec, or it fails with ETXTBSY.
Status for_reading(const Fd& writable, Fd& out) {
  Fd low;
  TRY(reopen(writable, O_RDONLY, low), "init");
  return out.take(CALL(fcntl, low.get(), F_DUPFD_CLOEXEC, kFirstNumber), "init");
}

Status make_sealed(Fd& out) {
  Fd writable;
  Status made = writable.take(CALL(memfd_create, "nrunc-init", kCloseOnExec | kAllowSealing | kExecutable), "init");
  if (made.error == EINVAL) {  // before Linux 6.3 there is no such flag, and every memory file is executable
    made = writable.take(CALL(memfd_create, "nrunc-init", kCloseOnExec | kAllowSealing), "init");
  }
  TRY(made);
  TRY(write_image(writable.get()));
  TRY(CALL(fcntl, writable.get(), kAddSeals, kAllSeals), "init");
  return for_reading(writable, out);
}

}  // namespace

// Other code of this process can close the number of the sealed file, and what is opened next has it: that would be
// executed with every right of the host (class of CVE-2019-5736). So it is known by its inode, not by its number.
class Sealed {
 public:
  static Status make(std::shared_ptr<Sealed>& out) {
    auto sealed = std::make_shared<Sealed>();
    TRY(make_sealed(sealed->fd_));
    struct stat status {};
    if (fstat(sealed->fd_.get(), &status) != 0) return failure(errno, "fstat", "init");
    sealed->device_ = status.st_dev;
    sealed->inode_ = status.st_ino;
    if (!sealed->intact()) return failure(kNotOurs, "fcntl", "init");
    TRY(compare_image(sealed->fd_));
    out = std::move(sealed);
    return {};
  }
  Sealed() = default;
  Sealed(const Sealed&) = delete;
  Sealed& operator=(const Sealed&) = delete;
  ~Sealed() {
    struct stat status {};
    if (!is_ours(status)) (void)fd_.release();  // the number is somebody else's by now, or nobody's
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  // It is the file, whole, and nobody can write to it. Looked at before each exec.
  [[nodiscard]] bool intact() const {
    struct stat status {};
    const sys::Call seals = CALL(fcntl, fd_.get(), kGetSeals, 0);
    return is_ours(status) && status.st_size == nrunc_init_image_end - nrunc_init_image && !seals.failed() &&
           (seals.value & kAllSeals) == kAllSeals;
  }

 private:
  bool is_ours(struct stat& status) const {
    return fstat(fd_.get(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  }

  Fd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

namespace {

// Never destroyed: threads may still start containers when the process ends.
struct Shared {
  std::mutex guard;
  std::shared_ptr<Sealed> sealed;
};
Shared& shared() {
  static auto* one = new Shared;
  return *one;
}

// vm.memfd_noexec=2: not sealed, so it is never used twice.
Status make_unlinked(Fd& out) {
  Status last = failure(EACCES, "open", "init");
  for (const char* directory : {"/run", "/tmp", "/var/tmp", "/dev/shm"}) {
    Fd writable;
    last = writable.take(CALL(openat, AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0700), directory);
    if (!last.ok()) continue;
    last = write_image(writable.get());
    if (last.ok()) last = for_reading(writable, out);
    // A file system mounted noexec refuses here and not only at the exec.
    if (last.ok()) last = status_of(CALL(faccessat2, out.get(), "", 1, AT_EMPTY_PATH | AT_EACCESS), directory);
    if (last.ok()) return {};
  }
  return last;
}

}  // namespace

Status open_image(Image& image) {
  std::lock_guard lock(shared().guard);
  if (!shared().sealed || !shared().sealed->intact()) {
    Status made = Sealed::make(shared().sealed);
    if (made.error == EACCES || made.error == EPERM || made.error == ENOSYS) {
      TRY(make_unlinked(image.own));
      image.fd = image.own.get();
      return {};
    }
    TRY(made);
  }
  image.sealed = shared().sealed;
  image.fd = image.sealed->fd();
  return {};
}

void forget_image(const Image& image) {
  std::lock_guard lock(shared().guard);
  if (shared().sealed == image.sealed) shared().sealed.reset();
}

}  // namespace host
