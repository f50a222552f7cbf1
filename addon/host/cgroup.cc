// See cgroup.h. Runs on worker threads of the Node process, in the host's namespaces. The paths are the config's and
// the host's: nothing here is reachable for a container.

#include "host/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>

#include <memory>
#include <string>
#include <vector>

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

// Says nothing about the file: this process lacks something.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == EINTR;
}

// The first bytes of a small file, without white space at the end; none of one that is not there or cannot be read.
Status read_file(const std::string& path, std::string& text) {
  Fd file;
  char buffer[4096];
  text.clear();
  Status opened = file.take(CALL(openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!opened.ok()) return is_shortage(opened.error) ? opened : Status{};
  sys::Call size{};
  do {
    size = CALL(read, file.get(), buffer, sizeof buffer);
  } while (size.error() == EINTR);
  if (size.failed()) return is_shortage(size.error()) ? status_of(size) : Status{};
  text.assign(buffer, static_cast<size_t>(size.value));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return {};
}

enum Unified : u32 { kNotUnified = 0, kThreadable = 1, kDomain = 2 };

struct Tree {
  std::string root;
  std::string controllers;
  bool cpuset;
  u32 unified;
};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// A new v1 cpuset has neither cpus nor memory nodes, and no process could join it. What its ancestors lack they get
// first. `made`: it has nothing for certain.
Status seed_cpuset(const Tree& tree, const std::string& path, bool made, Text operand) {
  if (path.size() <= tree.root.size()) return {};
  for (const char* name : {"/cpuset.cpus", "/cpuset.mems"}) {
    std::string inherited;
    if (!made) TRY(read_file(path + name, inherited), operand);
    if (!inherited.empty()) continue;
    const std::string parent = parent_of(path);
    TRY(read_file(parent + name, inherited), operand);
    if (inherited.empty()) {
      TRY(seed_cpuset(tree, parent, false, operand));
      TRY(read_file(parent + name, inherited), operand);
    }
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

// cgroups(7), "Thread mode": what is made below a threaded cgroup is invalid until it is made threaded too. No limit that
// is for whole processes can be set there.
Status settle_type(const Tree& tree, const std::string& path, Text operand) {
  std::string type;
  TRY(read_file(path + "/cgroup.type", type), operand);
  if (type.empty() || type == "domain") return {};
  if (tree.unified == kDomain) return failure(EOPNOTSUPP, "cgroup.type", operand);
  return type == "domain invalid" ? write_file(path + "/cgroup.type", "threaded", operand) : Status{};
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
  if (call.failed() && call.error() != EEXIST) return status_of(call, operand);
  return tree.unified != kNotUnified ? settle_type(tree, path, operand) : Status{};
}

sys::Call bpf(int command, bpf_attr& attributes) { return CALL(bpf, command, &attributes, sizeof attributes); }

Status load_program(const void* program, size_t size, Fd& loaded, Text operand) {
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<u64>(program);
  load.insn_cnt = static_cast<u32>(size / sizeof(bpf_insn));
  load.license = reinterpret_cast<u64>("Apache-2.0");
  return loaded.take(bpf(BPF_PROG_LOAD, load), operand);
}

// The device programs that are attached to the cgroup itself. The kernel allows 64.
Status attached_programs(const Fd& cgroup, std::vector<Fd>& programs, Text operand) {
  u32 ids[64] = {};
  bpf_attr query{};
  query.query.target_fd = static_cast<u32>(cgroup.get());
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = reinterpret_cast<u64>(ids);
  query.query.prog_cnt = 64;
  TRY(bpf(BPF_PROG_QUERY, query), operand);
  for (u32 i = 0; i < query.query.prog_cnt; i++) {
    bpf_attr open{};
    open.prog_id = ids[i];
    Fd program;
    TRY(program.take(bpf(BPF_PROG_GET_FD_BY_ID, open), operand));
    programs.push_back(std::move(program));
  }
  return {};
}

Status attach_program(const Fd& cgroup, const Fd& program, const Fd* replaced, Text operand) {
  bpf_attr attach{};
  attach.target_fd = static_cast<u32>(cgroup.get());
  attach.attach_bpf_fd = static_cast<u32>(program.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI | (replaced != nullptr ? BPF_F_REPLACE : 0u);
  if (replaced != nullptr) attach.replace_bpf_fd = static_cast<u32>(replaced->get());
  return status_of(bpf(BPF_PROG_ATTACH, attach), operand);
}

Status detach_program(const Fd& cgroup, const Fd& program, Text operand) {
  bpf_attr detach{};
  detach.target_fd = static_cast<u32>(cgroup.get());
  detach.attach_bpf_fd = static_cast<u32>(program.get());
  detach.attach_type = BPF_CGROUP_DEVICE;
  return status_of(bpf(BPF_PROG_DETACH, detach), operand);
}

// What the kernel says of itself, and before Linux 4.15, where it does not, the files of cgroups(7).
Status delegated_files(std::string& names) {
  TRY(read_file("/sys/kernel/cgroup/delegate", names));
  if (names.empty()) names = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";
  return {};
}

// Whether a process is in the cgroup or in one below it.
Status find_processes(const std::string& path, bool& found) {
  Fd file;
  char byte;
  Status opened = file.take(CALL(openat, AT_FDCWD, (path + "/cgroup.procs").c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (opened.error == ENOENT || opened.error == ENODEV) return {};  // removed meanwhile
  TRY(opened);
  sys::Call listed{};
  do {
    listed = CALL(read, file.get(), &byte, 1);
  } while (listed.error() == EINTR);
  if (is_shortage(listed.error())) return status_of(listed);
  // That of a threaded cgroup cannot be read; its events, which only cgroup2 has, speak for the whole tree.
  std::string events;
  TRY(read_file(path + "/cgroup.events", events));
  found = listed.value > 0 || events.find("populated 1") != std::string::npos;
  if (found) return {};
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (directory == nullptr) return errno == ENOENT ? Status{} : failure(errno, "openat");
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    TRY(find_processes(path + "/" + entry->d_name, found));
    if (found) return {};
  }
  return {};
}

Status make_cgroup(plan::Reader& arguments) {
  Text root = arguments.text(), path = arguments.text(), controllers = arguments.text();
  u32 cpuset = arguments.number(), unified = arguments.number();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  bool made = false;
  const Tree tree{root.data, controllers.data, cpuset != 0, unified};
  TRY(make_path(tree, path.data, path, made));
  if (tree.cpuset) TRY(seed_cpuset(tree, path.data, made, path));
  // Another container's processes under our limits, or ours under theirs: as runc, only an empty one is taken over.
  if (made) return {};
  bool found = false;
  TRY(find_processes(path.data, found), path);
  if (found) return failure(EBUSY, "mkdirat", path);
  // Nor a frozen one: what enters it stops, and init would never be heard of again.
  const std::string directory(path.data);
  std::string frozen;
  TRY(read_file(directory + "/freezer.state", frozen), path);
  if (frozen == "FROZEN") return failure(EDEADLK, "freezer.state", path);
  TRY(read_file(directory + "/cgroup.freeze", frozen), path);
  return frozen == "1" ? failure(EDEADLK, "cgroup.freeze", path) : Status{};
}

// systemd has made the cgroup, for the controllers that it knows.
Status adopt_cgroup(plan::Reader& arguments) {
  Text root = arguments.text(), path = arguments.text(), controllers = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  Fd cgroup;
  TRY(cgroup.take(CALL(openat, AT_FDCWD, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), path));
  bool made = false;
  return make_path({root.data, controllers.data, false, kThreadable}, path.data, path, made);
}

Status delegate_cgroup(plan::Reader& arguments) {
  Text path = arguments.text();
  u32 uid = arguments.number();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  Fd directory;
  TRY(directory.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), path));
  TRY(CALL(fchownat, directory.get(), "", uid, ~0u, AT_EMPTY_PATH), path);
  std::string names;
  TRY(delegated_files(names), path);
  for (size_t start = 0; start < names.size();) {
    size_t end = std::min(names.find('\n', start), names.size());
    std::string name = names.substr(start, end - start);
    sys::Call owned = CALL(fchownat, directory.get(), name.c_str(), uid, ~0u, AT_SYMLINK_NOFOLLOW);
    if (owned.error() != ENOENT) TRY(owned, path);  // of a controller that the cgroup does not have
    start = end + 1;
  }
  return {};
}

Status attach_device_program(plan::Reader& arguments) {
  Text path = arguments.text();
  plan::Reader program = arguments.bytes();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  Status set = set_device_program(path.data, program.data(), program.size());
  return set.ok() ? set : failure(set.error, "bpf", path);
}

}  // namespace

Status set_device_program(const char* path, const void* program, size_t size) {
  Fd cgroup, loaded;
  TRY(cgroup.take(CALL(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), path));
  std::vector<Fd> former;
  TRY(attached_programs(cgroup, former, path));
  size_t kept = 0;
  if (size > 0) {
    TRY(load_program(program, size, loaded, path));
    const bool replaces = former.size() == 1;
    Status attached = attach_program(cgroup, loaded, replaces ? &former[0] : nullptr, path);
    // Linux 5.6 and later replace in one step; before, both are asked for a moment, and the stricter one decides.
    const bool old = replaces && attached.error == EINVAL;
    if (old) attached = attach_program(cgroup, loaded, nullptr, path);
    TRY(attached);
    if (replaces && !old) kept = 1;
  }
  for (size_t i = kept; i < former.size(); i++) TRY(detach_program(cgroup, former[i], path));
  return {};
}

Status write_file(const std::string& path, Text value, Text operand) {
  Fd file;
  TRY(open_for_writing(path.c_str(), file, operand));
  return write_value(file, value, operand);
}

int read_whole_file(const char* path, std::string& content) {
  Fd file;
  Status opened = file.take(CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
  if (!opened.ok()) return opened.error;
  char buffer[16384];
  for (;;) {
    sys::Call got = CALL(read, file.get(), buffer, sizeof buffer);
    if (got.error() == EINTR) continue;
    if (got.failed()) return got.error();
    content.append(buffer, static_cast<size_t>(got.value));
    // The kernel hands out a page at a time; with less than half of one nothing was held back.
    if (got.value < 2048) return 0;
  }
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

Status CgroupWriter::run(plan::Item& item) {
  switch (item.operation) {
    case Operation::makeCgroup: return make_cgroup(item.arguments);
    case Operation::adoptCgroup: return adopt_cgroup(item.arguments);
    case Operation::writeCgroup: return write(item.arguments);
    case Operation::delegateCgroup: return delegate_cgroup(item.arguments);
    case Operation::attachDeviceProgram: return attach_device_program(item.arguments);
    default: return failure(EPROTO, "read", "plan");
  }
}

Outcome prepare_cgroup(const std::string& plan) {
  plan::Operations operations(reinterpret_cast<const u8*>(plan.data()), static_cast<u32>(plan.size()));
  plan::Item item;
  CgroupWriter writer;
  Outcome outcome;
  while (outcome.ok && operations.next(item)) {
    if (Status status = writer.run(item); !status.ok()) outcome.fail(item, status);
  }
  if (outcome.ok && !operations.complete()) outcome.fail(item, failure(EPROTO, "read", "plan"));
  return outcome;
}

int remove_directory(const char* path) {
  int error = CALL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR).error();
  return error == ENOENT ? 0 : error;
}

}  // namespace host
