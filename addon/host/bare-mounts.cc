// See bare-mounts.h. Runs on threads of its own in the Node process, which no longer share their root and working directory
// with the others.

#include "host/bare-mounts.h"

#include "plan/format.h"
#include "sys/kernel.h"

namespace host {
namespace {

Status open_tree_of(const char* path, Fd& tree) {
  return tree.take(CALL(open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), path);
}

Status attach(const Fd& tree, const char* path) {
  return status_of(CALL(move_mount, tree.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), path);
}

Status make_tmpfs(Fd& mount) {
  constexpr u32 kSetString = 1, kCreate = 6;
  Fd filesystem;
  TRY(filesystem.take(CALL(fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */), "tmpfs"));
  TRY(CALL(fsconfig, filesystem.get(), kSetString, "mode", "0755", 0), "tmpfs");
  TRY(CALL(fsconfig, filesystem.get(), kCreate, nullptr, nullptr, 0), "tmpfs");
  return mount.take(CALL(fsmount, filesystem.get(), 1 /* FSMOUNT_CLOEXEC */, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "tmpfs");
}

// As init does it: the old root is then the topmost mount of the new one, and is detached.
Status change_root(const Fd& root) {
  Fd old_root;
  TRY(old_root.take(CALL(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/"));
  TRY(attach(root, "/"));
  TRY(CALL(fchdir, root.get()), "/");
  TRY(CALL(pivot_root, ".", "."), "/");
  TRY(CALL(fchdir, old_root.get()), "/");
  TRY(CALL(umount2, ".", 2 /* MNT_DETACH */), "/");
  return status_of(CALL(chdir, "/"), "/");
}

Status furnish() {
  Fd root, proc, null, file;
  TRY(CALL(mount, nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr), "/");
  TRY(open_tree_of("/proc", proc));
  TRY(open_tree_of("/dev/null", null));
  TRY(make_tmpfs(root));
  TRY(change_root(root));
  for (const char* directory : {"/proc", "/dev", plan::kBareRoot}) TRY(CALL(mkdirat, AT_FDCWD, directory, 0755), directory);
  TRY(file.take(CALL(openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "/dev/null"));
  file.reset();  // it is open for writing
  TRY(attach(proc, "/proc"));
  TRY(attach(null, "/dev/null"));
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY;
  return status_of(CALL(mount_setattr, AT_FDCWD, "/", 0, &change, sizeof change), "/");
}

thread_local bool inside = false;

}  // namespace

void BareMounts::make(std::function<void(const Status&)> told) {
  if (!workers_.ready()) return told(failure(EAGAIN, "pthread_create"));
  run(std::move(told));
}

void BareMounts::run(std::function<void(const Status&)> work) {
  workers_.run([this, work = std::move(work)] { work(enter()); });
}

Status BareMounts::enter() {
  if (inside) return {};
  TRY(CALL(unshare, CLONE_FS));
  std::lock_guard lock(guard_);
  if (namespace_.valid()) {
    TRY(CALL(setns, namespace_.get(), CLONE_NEWNS), "mnt");
  } else {
    TRY(CALL(unshare, CLONE_NEWNS));
    TRY(furnish());
    TRY(namespace_.take(CALL(openat, AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC, 0), "mnt"));
  }
  inside = true;
  return {};
}

}  // namespace host
