// The cgroup operations of a plan, done by the host before or while init is cloned.
#pragma once

#include "plan/reader.h"
#include "sys/status.h"

namespace host {

Status make_cgroup(plan::Reader& arguments);
Status write_cgroup(plan::Reader& arguments);
Status attach_device_program(plan::Reader& arguments);

// rmdir; 0 or the errno. A directory that is not there counts as removed.
int remove_directory(const char* path);

}  // namespace host
