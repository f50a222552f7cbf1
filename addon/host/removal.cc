// See removal.h. Runs on worker threads of the Node process.

#include "host/removal.h"

#include "host/cgroup.h"
#include "host/lock.h"
#include "sys/kernel.h"

namespace host {
namespace {

int take(const Removal& removal, Fd& taken) {
  const int lock = take_lock(removal.directory, false, false);
  if (lock < 0) return -lock;
  taken.reset(lock);
  // With a bundle or a socket in it, it goes step by step: nothing may be gone yet when that begins.
  if (int error = holds_at_most(taken, 1); error != 0) return error;
  std::string state;
  if (int error = read_whole_file((removal.directory + "/state.json").c_str(), state); error != 0) return error;
  return state.find(removal.process) == std::string::npos ? ESTALE : 0;
}

}  // namespace

int remove_container(const Removal& removal, int lock, Fd& taken) {
  int error = lock < 0 ? take(removal, taken) : 0;
  if (error != 0) return error;
  for (const auto& path : removal.cgroups) {
    const int refused = remove_directory(path.c_str());
    if (error == 0) error = refused;
  }
  if (error == 0) error = CALL(unlinkat, AT_FDCWD, (removal.directory + "/state.json").c_str(), 0).error();
  return error != 0 ? error : remove_directory(removal.directory.c_str());
}

}  // namespace host
