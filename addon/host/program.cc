// See program.h.

#include "host/program.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace host {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

void set_actions(const Program& program, const std::vector<int>& files, posix_spawn_file_actions_t& actions) {
  if (!program.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, program.directory.c_str());
  const int count = static_cast<int>(files.size());
  for (int number = 0; number < count; number++) {
    if (files[number] >= 0) posix_spawn_file_actions_adddup2(&actions, files[number], number);
  }
#if __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(&actions, count);
#endif
}

void reset_signals(posix_spawnattr_t& attributes) {
  sigset_t every, none;
  sigfillset(&every);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

// A filter that keeps this process from its keys (EPERM) keeps the program from them, too.
int leave_keyring(const std::string& name) {
  constexpr int kJoinSession = 1, kSetPermissions = 5, kSession = -3;
  constexpr unsigned kPermissions = 0x3f1b0000;  // of the owner: view, read, search, link; as init's
  if (syscall(SYS_keyctl, kJoinSession, name.empty() ? nullptr : name.c_str(), 0, 0, 0) < 0) {
    return errno == ENOSYS || errno == EPERM ? 0 : errno;
  }
  if (!name.empty()) syscall(SYS_keyctl, kSetPermissions, kSession, kPermissions, 0, 0);
  return 0;
}

}  // namespace

int start_program(const Program& program, const std::vector<int>& files, pid_t& pid) {
  if (const int error = leave_keyring(program.keyring); error != 0) return error;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  set_actions(program, files, actions);
  reset_signals(attributes);
  auto arguments = pointers(program.arguments), environment = pointers(program.environment);
  const auto start = program.path.find('/') == std::string::npos ? posix_spawnp : posix_spawn;
  const int error = start(&pid, program.path.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace host
