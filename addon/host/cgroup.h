// The cgroup operations of a plan, done by the host before or while init is cloned.
#pragma once

#include <string>

#include "plan/reader.h"
#include "sys/fd.h"

namespace host {

Status make_cgroup(plan::Reader& arguments);
Status attach_device_program(plan::Reader& arguments);

// Writes values; the file stays open from one to the next, because device rules are many for one file.
class CgroupWriter {
 public:
  Status write(plan::Reader& arguments);

 private:
  std::string path_;
  Fd file_;
};

// rmdir; 0 or the errno. A directory that is not there counts as removed.
int remove_directory(const char* path);

}  // namespace host
