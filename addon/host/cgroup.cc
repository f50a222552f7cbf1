// See cgroup.h. Runs on worker threads of the Node process, in the host's namespaces. The paths are the config's and
// the host's: nothing here is reachable for a container.

#include "host/cgroup.h"

#include <linux/bpf.h>

#include <string>

#include "sys/fd.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status open_for_writing(const char* path, Fd& file, Text operand) {
  return file.take(CALL(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0), operand);
}

Status write_value(const Fd& file, Text value, Text operand) {
  sys::Call written{};
  do {
    written = CALL(write, file.get(), value.data, value.size);
  } while (written.error() == EINTR);
  return status_of(written, operand);
}

Status write_file(const std::string& path, Text value, Text operand) {
  Fd file;
  TRY(open_for_writing(path.c_str(), file, operand));
  return write_value(file, value, operand);
}

// The first bytes of a small file, without white space at the end.
std::string read_file(const std::string& path) {
  Fd file;
  char buffer[4096];
  if (!file.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0)).ok()) return {};
  sys::Call size = CALL(read, file.get(), buffer, sizeof buffer);
  std::string text(buffer, size.failed() ? 0 : static_cast<size_t>(size.value));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

struct Tree {
  std::string root;
  std::string controllers;
  bool cpuset;
};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// A new v1 cpuset has neither cpus nor memory nodes, and no process could join it. What its ancestors lack they get
// first.
Status seed_cpuset(const Tree& tree, const std::string& path, Text operand) {
  if (path.size() <= tree.root.size()) return {};
  for (const char* name : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (!read_file(path + name).empty()) continue;
    const std::string parent = parent_of(path);
    TRY(seed_cpuset(tree, parent, operand));
    std::string inherited = read_file(parent + name);
    TRY(write_file(path + name, Text(inherited.data(), static_cast<u32>(inherited.size())), operand));
  }
  return {};
}

// All at once; where that is refused one by one, because one that the parent cannot give must not take the others with
// it. A limit that needs a missing one says so when it is set.
void enable_controllers(const std::string& path, const std::string& wanted) {
  const std::string file = path + "/cgroup.subtree_control";
  if (write_file(file, Text(wanted.data(), static_cast<u32>(wanted.size())), {}).ok()) return;
  for (size_t start = 0; start < wanted.size();) {
    size_t end = std::min(wanted.find(' ', start), wanted.size());
    std::string one = wanted.substr(start, end - start);
    (void)write_file(file, Text(one.data(), static_cast<u32>(one.size())), {});
    start = end + 1;
  }
}

// mkdir PATH, what is missing above it first. On v2 every ancestor below the root has to pass the controllers on.
Status make_path(const Tree& tree, const std::string& path, Text operand, bool& made) {
  const std::string parent = parent_of(path);
  const bool below = parent.size() > tree.root.size();
  bool ignored = false;
  if (!tree.controllers.empty()) {
    if (below) TRY(make_path(tree, parent, operand, ignored));
    enable_controllers(parent, tree.controllers);
  }
  sys::Call call = CALL(mkdirat, AT_FDCWD, path.c_str(), 0755);
  if (call.error() == ENOENT && below) {
    TRY(make_path(tree, parent, operand, ignored));
    call = CALL(mkdirat, AT_FDCWD, path.c_str(), 0755);
  }
  made = !call.failed();
  return call.error() == EEXIST ? Status{} : status_of(call, operand);
}

int bpf(int command, bpf_attr& attributes) {
  sys::Call result = CALL(bpf, command, &attributes, sizeof attributes);
  return result.failed() ? -result.error() : static_cast<int>(result.value);
}

}  // namespace

Status make_cgroup(plan::Reader& arguments) {
  Text root = arguments.text(), path = arguments.text(), controllers = arguments.text();
  u32 cpuset = arguments.number();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  bool made = false;
  const Tree tree{root.data, controllers.data, cpuset != 0};
  TRY(make_path(tree, path.data, path, made));
  if (tree.cpuset) TRY(seed_cpuset(tree, path.data, path));
  // Another container's processes under our limits, or ours under theirs: as runc, only an empty one is taken over.
  if (!made && !read_file(std::string(path.data) + "/cgroup.procs").empty()) return failure(EBUSY, "mkdirat", path);
  return {};
}

Status CgroupWriter::write(plan::Reader& arguments) {
  Text path = arguments.text(), value = arguments.text();
  u32 optional = arguments.number();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  if (!file_.valid() || path_ != path.data) {
    file_.reset();
    Status opened = open_for_writing(path.data, file_, path);
    if (opened.error == ENOENT && optional != 0) return {};
    TRY(opened);
    path_ = path.data;
  }
  return write_value(file_, value, path);
}

Status attach_device_program(plan::Reader& arguments) {
  Text path = arguments.text();
  plan::Reader program = arguments.bytes();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<u64>(program.data());
  load.insn_cnt = program.size() / sizeof(bpf_insn);
  load.license = reinterpret_cast<u64>("Apache-2.0");
  int loaded = bpf(BPF_PROG_LOAD, load);
  if (loaded < 0) return failure(-loaded, "bpf", path);
  Fd program_fd(loaded), cgroup;
  TRY(cgroup.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), path));
  bpf_attr attach{};
  attach.target_fd = static_cast<u32>(cgroup.get());
  attach.attach_bpf_fd = static_cast<u32>(program_fd.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  int attached = bpf(BPF_PROG_ATTACH, attach);
  return attached < 0 ? failure(-attached, "bpf", path) : Status{};
}

int remove_directory(const char* path) {
  int error = CALL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR).error();
  return error == ENOENT ? 0 : error;
}

}  // namespace host
