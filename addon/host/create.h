// Making files, directories and links with an owner. Runs in the Node process, on a thread that ends afterwards: the file
// system ids of a thread are its own.
#pragma once

#include <string>

#include "sys/fd.h"

namespace host {

enum class EntryKind : u32 { file = 0, directory = 1, link = 2, renamed = 3 };

struct NewEntry {
  Fd directory;
  std::string name;  // one component
  EntryKind kind = EntryKind::file;
  std::string target;  // of a link; the old name of one that is renamed
  i64 uid = -1, gid = -1;  // as this process sees them; -1: its own
};

// Fails where the name is taken, but for one that is renamed. Mode 0600 or 0700. `file`: O_PATH of a file. 0 or errno.
int create_entry(const NewEntry& entry, Fd& file);

}  // namespace host
