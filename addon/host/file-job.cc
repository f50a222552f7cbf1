// See file-job.h. Names are resolved in the directory that the descriptor holds, and links never followed: what the
// container changes meanwhile cannot lead elsewhere (CVE-2018-15664, CVE-2019-14271).

#include "host/file-job.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "host/reopen.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status look(const FileJob& job, FileOutcome& outcome) {
  // Held fast without waking a device; what it is cannot change any more.
  TRY(outcome.found.take(CALL(openat, job.file.get(), job.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)));
  struct stat status{};
  TRY(CALL(fstat, outcome.found.get(), &status));
  const FileStatus facts{status.st_mode, status.st_uid, status.st_gid, 0,
                         {status.st_atim.tv_sec, status.st_atim.tv_nsec, status.st_mtim.tv_sec, status.st_mtim.tv_nsec}};
  outcome.data.assign(reinterpret_cast<const char*>(&facts), sizeof facts);
  return {};
}

// A link that stands in the way (CVE-2018-15664) is not a directory.
Status enter(const FileJob& job, FileOutcome& outcome) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  return outcome.found.take(CALL(openat, job.file.get(), job.name.c_str(), kFlags, 0));
}

// A part of it: a file system of the container's own may have a directory without an end.
Status list(const FileJob& job, FileOutcome& outcome) {
  alignas(kernel::DirectoryEntry) char entries[32768];
  sys::Call size = CALL(getdents64, job.file.get(), entries, sizeof entries);
  TRY(size);
  outcome.end = size.value == 0;
  for (long at = 0; at < size.value;) {
    const auto* entry = reinterpret_cast<const kernel::DirectoryEntry*>(entries + at);
    at += entry->length;
    if (std::strcmp(entry->name, ".") != 0 && std::strcmp(entry->name, "..") != 0) outcome.data.append(entry->name).push_back('\0');
  }
  return {};
}

Status read_link(const FileJob& job, FileOutcome& outcome) {
  char target[kPathMax];
  sys::Call size = CALL(readlinkat, job.file.get(), job.name.c_str(), target, sizeof target);
  TRY(size);
  outcome.data.assign(target, static_cast<size_t>(size.value));
  return {};
}

// A lease that the container has on a file (fcntl(2), F_SETLEASE) is EAGAIN: without O_NONBLOCK the thread would wait 45 s
// for its end.
constexpr int kRead = O_RDONLY | O_NONBLOCK;
constexpr int kAppend = O_WRONLY | O_APPEND | O_NONBLOCK;

// Only a regular file: opening a device has effects, and a FIFO lets its reader wait. What is looked at and what is opened is
// the descriptor, and not a name.
Status open_regular(const FileJob& job, struct stat& status, Fd& file, FileOutcome& outcome) {
  TRY(CALL(fstat, job.file.get(), &status));
  outcome.other = !S_ISREG(status.st_mode);
  if (outcome.other) return {};
  TRY(reopen(job.file, kRead, file));
  return job.offset == 0 ? Status{} : status_of(CALL(lseek, file.get(), job.offset, SEEK_SET));
}

sys::Call read_some(const Fd& file, char* data, size_t size) {
  for (;;) {
    sys::Call got = CALL(read, file.get(), data, size);
    if (got.error() != EINTR) return got;
  }
}

Status write_all(const Fd& file, const char* data, size_t size) {
  while (size > 0) {
    sys::Call put = CALL(write, file.get(), data, size);
    if (put.error() == EINTR) continue;
    TRY(put);
    data += put.value;
    size -= static_cast<size_t>(put.value);
  }
  return {};
}

// As much as the file says it has, and one byte to see its end; what says nothing of it (/proc) in parts.
Status read(const FileJob& job, FileOutcome& outcome) {
  struct stat status{};
  Fd file;
  TRY(open_regular(job, status, file, outcome));
  if (outcome.other) return {};
  const i64 expected = std::max(status.st_size - job.offset, i64{65535});
  const auto room = static_cast<size_t>(expected < job.length ? expected + 1 : job.length);
  std::string& data = outcome.data;
  data.resize(room);
  size_t size = 0;
  sys::Call got{};
  do {
    got = read_some(file, data.data() + size, room - size);
    if (!got.failed()) size += static_cast<size_t>(got.value);
  } while (got.value > 0 && size < room);
  data.resize(size);
  outcome.end = got.value == 0;
  return status_of(got);
}

Status append(const FileJob& job) {
  Fd file;
  TRY(reopen(job.file, kAppend, file));
  return write_all(file, job.data.data(), job.data.size());
}

Status copy(const FileJob& job, FileOutcome& outcome) {
  struct stat status{};
  Fd from, to;
  TRY(open_regular(job, status, from, outcome));
  if (outcome.other) return {};
  TRY(reopen(job.target, kAppend, to));
  static constexpr size_t kPart = 1 << 17;
  std::string part(kPart, 0);
  while (outcome.count < job.length && !outcome.end) {
    sys::Call got = read_some(from, part.data(), std::min(kPart, static_cast<size_t>(job.length - outcome.count)));
    TRY(got);
    TRY(write_all(to, part.data(), static_cast<size_t>(got.value)));
    outcome.end = got.value == 0;
    outcome.count += static_cast<i32>(got.value);
  }
  return {};
}

Status set(const FileJob& job) {
  const auto path = path_of(job.file);
  if (job.name.empty()) TRY(CALL(fchmodat, AT_FDCWD, path.data, static_cast<u32>(job.length)));
  timespec times[2];
  if (job.data.size() != sizeof times) return {};
  std::memcpy(times, job.data.data(), sizeof times);
  if (job.name.empty()) return status_of(CALL(utimensat, AT_FDCWD, path.data, times, 0));
  return status_of(CALL(utimensat, job.file.get(), job.name.c_str(), times, AT_SYMLINK_NOFOLLOW));
}

Status run(const FileJob& job, FileOutcome& outcome) {
  switch (job.kind) {
    case FileJobKind::look: return look(job, outcome);
    case FileJobKind::enter: return enter(job, outcome);
    case FileJobKind::list: return list(job, outcome);
    case FileJobKind::readLink: return read_link(job, outcome);
    case FileJobKind::read: return read(job, outcome);
    case FileJobKind::append: return append(job);
    case FileJobKind::copy: return copy(job, outcome);
    case FileJobKind::set: return set(job);
    case FileJobKind::remove: return status_of(CALL(unlinkat, job.file.get(), job.name.c_str(), 0));
  }
  return failure(EINVAL, "");
}

}  // namespace

FileOutcome run_file_job(const FileJob& job) {
  FileOutcome outcome;
  const Status done = run(job, outcome);
  outcome.error = done.error;
  outcome.call = done.call;
  return outcome;
}

}  // namespace host
