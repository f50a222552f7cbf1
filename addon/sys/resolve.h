// Paths of a root file system that an attacker may have prepared and may be changing right now. A path is resolved once,
// by the kernel, inside the root (openat2 RESOLVE_IN_ROOT); after that only the descriptor counts. This is the guard
// against CVE-2019-18837, CVE-2021-30465, CVE-2024-45310, CVE-2026-41579 and their kind.
#pragma once

#include "sys/fd.h"
#include "sys/kernel.h"

// Open PATH inside ROOT. `no_symlinks`: refuse a path that has a symbolic link in it (ELOOP).
Status open_in_root(const Fd& root, Text path, u64 flags, Fd& out, bool no_symlinks = false);

// Open a directory inside ROOT (O_PATH), making what is missing of it, and what a dangling link on the way leads to.
Status make_directories(const Fd& root, Text path, u32 mode, Fd& out, bool no_symlinks = false);

// The directory that holds the last component of PATH, made where it is missing, and that component's name.
Status make_parent(const Fd& root, Text path, Fd& parent, Text& name);

// Something to mount on (O_PATH): PATH itself, or a new directory or empty file there, where dangling links lead.
Status make_mount_point(const Fd& root, Text path, bool directory, Fd& out);
