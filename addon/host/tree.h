// Copies of mounts of the host, for init to put in their place: with mapped ids, for `mounts` with uidMappings and gidMappings,
// and for an init that does not see the host's mounts.
#pragma once

#include <string>

#include "plan/reader.h"
#include "sys/fd.h"

namespace host {

// The user namespace made last, because mounts of one container mostly have the same maps.
struct MappedUsers {
  std::string maps;
  Fd descriptor;
};

// openTree: TREE is detached, and belongs to no mount namespace. ROOT: the mount of the host that the root file system is in.
Status open_tree(plan::Reader& arguments, u64& root, Fd& tree);
// openMappedTree
Status open_mapped_tree(plan::Reader& arguments, MappedUsers& users, Fd& tree);

}  // namespace host
