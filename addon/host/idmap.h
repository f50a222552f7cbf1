// The id maps of a new user namespace.
#pragma once

#include "plan/reader.h"
#include "sys/status.h"

namespace host {

// `detail` gets what a helper program wrote when it failed.
Status map_ids(plan::Reader& arguments, i32 pid, TextBuffer<1024>& detail);

}  // namespace host
