// What the host writes below /proc/PID of a new process: the id maps of its user namespace, oom_score_adj.
#pragma once

#include "plan/reader.h"
#include "sys/status.h"

namespace host {

// `detail` gets what a helper program wrote when it failed.
Status map_ids(plan::Reader& arguments, i32 pid, TextBuffer<1024>& detail);

// Both maps as root writes them, "CONTAINER HOST SIZE\n" for each range.
Status write_id_maps(i32 pid, Text uids, Text gids);

// oom_score_adj of the new process, while it is still as dumpable as any and before it has given up a right.
Status adjust_oom_score(plan::Reader& arguments, i32 pid);

}  // namespace host
