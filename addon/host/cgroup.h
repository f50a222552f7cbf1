// The cgroup operations of a plan, done by the host before or while init is cloned.
#pragma once

#include <string>

#include "plan/reader.h"
#include "sys/fd.h"

namespace host {

Status make_cgroup(plan::Reader& arguments);
Status delegate_cgroup(plan::Reader& arguments);
Status attach_device_program(plan::Reader& arguments);

// Load PROGRAM (struct bpf_insn; empty: none) and let it take the place of the device programs of the cgroup2 PATH. At no
// moment is there none: a running container must not open what it is denied meanwhile.
Status set_device_program(const char* path, const void* program, size_t size);

// Writes values; the file stays open from one to the next, because device rules are many for one file.
class CgroupWriter {
 public:
  Status write(plan::Reader& arguments);

 private:
  std::string path_;
  Fd file_;
};

// What a file of the kernel's holds, read to its end; 0 or the errno.
int read_whole_file(const char* path, std::string& content);

// rmdir; 0 or the errno. A directory that is not there counts as removed.
int remove_directory(const char* path);

}  // namespace host
