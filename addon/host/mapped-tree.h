// Copies of mounts whose ids are mapped, for `mounts` with uidMappings and gidMappings.
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

// openMappedTree: TREE is detached, and belongs to no mount namespace.
Status open_mapped_tree(plan::Reader& arguments, MappedUsers& users, Fd& tree);

}  // namespace host
