// What is done with a file of a container. Its file system may be the container's own work (FUSE), and answer when it
// likes, or never: each job opens, uses and closes what it needs, on a thread that nobody else waits for. JavaScript has
// descriptors of O_PATH and of directories alone; to close one of them asks the file system nothing (FUSE_FLUSH).
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

// The same numbers as `jobs` in lib/files/jobs.ts.
enum class FileJobKind : u32 { look = 0, enter = 1, list = 2, readLink = 3, read = 4, append = 5, copy = 6, set = 7, remove = 8 };

struct FileJob {
  FileJobKind kind = FileJobKind::look;
  Fd file;           // the directory that NAME is in for look, enter, readLink, remove, and for set with a name
  Fd target;         // of copy
  std::string name;  // one component
  std::string data;  // append: what; set: times as of look, or none
  i64 offset = 0;    // read, copy
  i64 length = 0;    // read, copy: at most; set: the mode, where it has no name
};

// Of look, as JavaScript reads it.
struct FileStatus {
  u32 mode, uid, gid, pad;
  i64 times[4];  // of the last access and of the last change: seconds and nanoseconds
};

struct FileOutcome {
  int error = 0;
  const char* call = "";
  Fd found;           // look: O_PATH, the link itself where it is one; enter: for list
  i32 count = 0;      // copy: bytes
  bool end = false;   // read, copy, list: there is no more
  bool other = false; // read, copy: not a regular file
  std::string data;   // look: FileStatus; list: names, each with its NUL; readLink; read
};

FileOutcome run_file_job(const FileJob& job);

}  // namespace host
