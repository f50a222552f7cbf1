// The groups of resctrl that divide caches and memory bandwidth.
#pragma once

#include "plan/reader.h"
#include "sys/status.h"

namespace host {

// Make a group, unless it is there, and write its schemata, if there are any. DETAIL gets the kernel's own words.
Status prepare_resctrl(plan::Reader& arguments, TextBuffer<1024>& detail);

}  // namespace host
