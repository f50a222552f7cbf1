// See idmap.h. Runs on a worker thread of the Node process, after the clone; init waits meanwhile for its plan.

#include "host/idmap.h"

#include "host/command.h"
#include "sys/fd.h"
#include "sys/kernel.h"

namespace host {
namespace {

constexpr unsigned kHelperTimeout = 10'000;  // milliseconds; it asks the user database, which may be on a network

Status write_proc(i32 pid, const char* name, Text value) {
  TextBuffer<64> path;
  path.add("/proc/").add_number(static_cast<u64>(pid)).add("/").add(name);
  Fd file;
  TRY(file.take(CALL(openat, AT_FDCWD, path.data, O_WRONLY | O_CLOEXEC, 0), name));
  return status_of(CALL(write, file.get(), value.data, value.size), name);
}

// "0 1000 1\n1 100000 65536\n" -> newuidmap PID 0 1000 1 1 100000 65536
Status run_helper(Text helper, i32 pid, Text map, TextBuffer<1024>& detail) {
  Command command;
  command.program.path = helper.data;
  command.timeout_ms = kHelperTimeout;
  command.program.arguments = {helper.data, std::to_string(pid)};
  std::string word;
  for (u32 i = 0; i <= map.size; i++) {
    const bool separator = i == map.size || map.data[i] == ' ' || map.data[i] == '\n';
    if (!separator) word += map.data[i];
    else if (!word.empty()) command.program.arguments.push_back(std::move(word)), word.clear();
  }
  CommandResult result = run_command(command);
  if (result.error != 0) return failure(result.error, "execve", helper);
  if (result.timed_out) return failure(ETIMEDOUT, "waitid", helper);
  if (result.code == 0) return {};
  detail.add(Text(result.error_output.c_str(), static_cast<u32>(std::min<size_t>(result.error_output.size(), 1000))));
  return failure(EPERM, "newuidmap", helper);
}

}  // namespace

Status map_ids(plan::Reader& arguments, i32 pid, TextBuffer<1024>& detail) {
  Text uids = arguments.text(), gids = arguments.text();
  u32 deny_setgroups = arguments.number();
  Text uid_helper = arguments.text(), gid_helper = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  // CVE-2014-8989: whoever maps a group without privilege must not be able to drop one.
  if (deny_setgroups != 0) TRY(write_proc(pid, "setgroups", "deny"));
  TRY(uid_helper.empty() ? write_proc(pid, "uid_map", uids) : run_helper(uid_helper, pid, uids, detail));
  return gid_helper.empty() ? write_proc(pid, "gid_map", gids) : run_helper(gid_helper, pid, gids, detail);
}

Status write_id_maps(i32 pid, Text uids, Text gids) {
  TRY(write_proc(pid, "uid_map", uids));
  return write_proc(pid, "gid_map", gids);
}

Status adjust_oom_score(plan::Reader& arguments, i32 pid) {
  Text value = arguments.text();
  return arguments.done() ? write_proc(pid, "oom_score_adj", value) : failure(EPROTO, "read", "plan");
}

}  // namespace host
