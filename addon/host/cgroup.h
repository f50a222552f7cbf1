// The cgroup operations of a plan, done by the host before or while init is cloned, or while it waits.
#pragma once

#include <string>

#include "host/outcome.h"
#include "sys/fd.h"

namespace host {

// Load PROGRAM (struct bpf_insn; empty: none) and let it take the place of the device programs of the cgroup2 PATH. At no
// moment is there none: a running container must not open what it is denied meanwhile.
Status set_device_program(const char* path, const void* program, size_t size);

// Executes the operations one after the other. A file that is written stays open from one to the next, because device
// rules are many for one file.
class CgroupWriter {
 public:
  // EPROTO for an operation that is none of a cgroup.
  Status run(plan::Item& item);

 private:
  Status write(plan::Reader& arguments);

  std::string path_;
  Fd file_;
};

// A plan of nothing but such operations, up to the first that fails.
Outcome prepare_cgroup(const std::string& plan);
// What a file of the kernel's holds, read to its end; 0 or the errno.
int read_whole_file(const char* path, std::string& content);
// One write(2) to a file that is there.
Status write_file(const std::string& path, Text value, Text operand = {});

// rmdir; 0 or the errno. A directory that is not there counts as removed.
int remove_directory(const char* path);

}  // namespace host
