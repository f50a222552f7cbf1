// Files of the host and of containers, and the locks of state directories.

#include <sys/stat.h>

#include "binding/addon.h"
#include "host/cgroup.h"
#include "host/create.h"
#include "host/file-job.h"
#include "host/identity.h"
#include "host/lock.h"
#include "sys/resolve.h"

namespace binding {

// readFiles(id, paths) -> done: data has, for each, its length or -errno (i32, little-endian) and its bytes.
Napi::Value Addon::ReadFiles(const Info& info) {
  std::vector<std::string> paths;
  if (!read_texts(info[1], paths)) return info.Env().Undefined();
  return OnWorker(info, [id = id_of(info), paths = std::move(paths)]() -> host::Event {
    std::string all, content;
    for (const auto& path : paths) {
      content.clear();
      const int error = host::read_whole_file(path.c_str(), content);
      const i32 length = error != 0 ? -error : static_cast<i32>(content.size());
      all.append(reinterpret_cast<const char*>(&length), sizeof length);
      if (error == 0) all += content;
    }
    return {id, host::EventType::done, 0, 0, std::move(all)};
  });
}

// writeFile(id, path, value) -> done: a is 0 or -errno, data the system call that failed. A single write(2), for which
// a limit of memory has the kernel search for what can be given back.
Napi::Value Addon::WriteFile(const Info& info) {
  const u32 id = id_of(info);
  const host::Event unstarted{id, host::EventType::done, -EAGAIN, 0, "clone"};
  return OnThread(info, unstarted, [id, path = text(info, 1), value = text(info, 2)]() -> host::Event {
    const Status written = host::write_file(path, Text(value.data(), static_cast<u32>(value.size())));
    return {id, host::EventType::done, -written.error, 0, written.call};
  });
}

// openRoot(pid, startTime): O_PATH descriptor of the root directory of that very process.
Napi::Value Addon::OpenRoot(const Info& info) {
  Fd root;
  const int error = host::open_root_of(number(info, 0), text(info, 1), root);
  return result(info, error != 0 ? -error : held_->add(root.release()));
}

// openInside(id, root, path, flags) -> done: a descriptor or -errno. A file system that a container serves itself may let it
// wait.
Napi::Value Addon::OpenInside(const Info& info) {
  const u32 id = id_of(info);
  auto root = std::make_shared<Fd>();
  if (const int error = duplicate(number(info, 1), *root); error != 0) return Posted(info, {id, host::EventType::done, -error});
  const auto open = [id, root, held = held_, path = text(info, 2), flags = static_cast<u64>(number(info, 3))]() -> host::Event {
    Fd found;
    Status opened = open_in_root(*root, Text(path.data(), static_cast<u32>(path.size())), flags, found);
    return {id, host::EventType::done, opened.ok() ? held->add(found.release()) : -opened.error};
  };
  return OnThread(info, {id, host::EventType::done, -EAGAIN}, open);
}

// fileJob(id, kind, file, target, name, data, offset, length) -> done: a is a descriptor, a count or -errno with the system call
// in data; b has 1 at the end, 2 for what is no regular file.
Napi::Value Addon::FileJob(const Info& info) {
  const u32 id = id_of(info);
  auto job = std::make_shared<host::FileJob>();
  job->kind = static_cast<host::FileJobKind>(number(info, 1));
  int refused = duplicate(number(info, 2), job->file);
  if (refused == 0 && number(info, 3) >= 0) refused = duplicate(number(info, 3), job->target);
  if (refused != 0) return Posted(info, {id, host::EventType::done, -refused, 0, "fcntl"});
  job->name = bytes_of(info[4]);
  job->data = bytes_of(info[5]);
  job->offset = info[6].As<Napi::Number>().Int64Value();
  job->length = info[7].As<Napi::Number>().Int64Value();
  return OnThread(info, {id, host::EventType::done, -EAGAIN, 0, "clone"}, [id, job, held = held_]() -> host::Event {
    host::FileOutcome done = host::run_file_job(*job);
    *job = {};  // closed before anybody hears of the end
    if (done.error != 0) return {id, host::EventType::done, -done.error, 0, done.call};
    host::Event event{id, host::EventType::done, done.count, (done.end ? 1 : 0) | (done.other ? 2 : 0), std::move(done.data)};
    if (done.found.valid()) event.a = held->add(done.found.release());
    return event;
  });
}

// createEntry(id, directory, name, kind, target, uid, gid) -> done: a descriptor (O_PATH, of a file), 0, or -errno.
Napi::Value Addon::CreateEntry(const Info& info) {
  const u32 id = id_of(info);
  auto entry = std::make_shared<host::NewEntry>();
  const int refused = duplicate(number(info, 1), entry->directory);
  if (refused != 0) return Posted(info, {id, host::EventType::done, -refused});
  entry->name = bytes_of(info[2]);
  entry->kind = static_cast<host::EntryKind>(number(info, 3));
  entry->target = bytes_of(info[4]);
  entry->uid = info[5].As<Napi::Number>().Int64Value();
  entry->gid = info[6].As<Napi::Number>().Int64Value();
  return OnThread(info, {id, host::EventType::done, -EAGAIN}, [id, entry, held = held_]() -> host::Event {
    Fd file;
    const int error = host::create_entry(*entry, file);
    return {id, host::EventType::done, error == 0 && file.valid() ? held->add(file.release()) : -error};
  });
}

Napi::Value Addon::MakeFifo(const Info& info) {
  std::string path = text(info, 0);
  if (mkfifo(path.c_str(), 0600) != 0) return checked(info, -1);
  return checked(info, chmod(path.c_str(), static_cast<mode_t>(number(info, 1))));  // the mode, whatever the umask
}

// lock(directory, fresh): descriptor that holds an exclusive flock until it is closed, at the end of the environment at the
// latest; or -EAGAIN.
Napi::Value Addon::Lock(const Info& info) {
  const int taken = host::take_lock(text(info, 0), false, info[1].As<Napi::Boolean>());
  if (taken >= 0) held_->add(taken);
  return result(info, taken);
}

// lockWait(id, directory, fresh) -> done: a is what lock would have given.
Napi::Value Addon::LockWait(const Info& info) {
  const u32 id = id_of(info);
  const auto wait = [id, held = held_, path = text(info, 1), fresh = info[2].As<Napi::Boolean>().Value()]() -> host::Event {
    const int taken = host::take_lock(path, true, fresh);
    return {id, host::EventType::done, taken >= 0 ? held->add(taken) : taken};
  };
  return OnThread(info, {id, host::EventType::done, -EAGAIN}, wait);
}

}  // namespace binding
