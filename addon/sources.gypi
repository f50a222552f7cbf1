{
  "variables": {
    "init_sources": [
      "addon/init/main.cc",
      "addon/init/memory.cc",
      "addon/init/descriptors.cc",
      "addon/init/namespaces.cc",
      "addon/init/user-namespace.cc",
      "addon/init/rootfs.cc",
      "addon/init/mounts.cc",
      "addon/init/copy.cc",
      "addon/init/labels.cc",
      "addon/init/devices.cc",
      "addon/init/paths.cc",
      "addon/init/console.cc",
      "addon/init/pidfd.cc",
      "addon/init/identity.cc",
      "addon/init/scheduling.cc",
      "addon/init/program.cc",
      "addon/init/seccomp.cc",
      "addon/init/lifecycle.cc",
      "addon/sys/resolve.cc"
    ],
    "launcher_sources": ["addon/launcher/main.cc", "addon/init/memory.cc"],
    "init_flags": [
      "-std=c++20", "-Os", "-ffreestanding", "-fno-exceptions", "-fno-rtti",
      "-fstack-protector-strong", "-mstack-protector-guard=global",
      "-fno-threadsafe-statics", "-fno-asynchronous-unwind-tables", "-fno-tree-loop-distribute-patterns",
      "-ffunction-sections", "-fdata-sections", "-fno-pic", "-fno-pie", "-Wall", "-Wextra"
    ],
    "init_link_flags": [
      "-nostdlib", "-static", "-no-pie", "-s", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,noexecstack",
      "-Wl,-z,norelro", "-Wl,--section-start=.wait=0x500000"
    ],
    "addon_sources": [
      "addon/binding.cc",
      "addon/host/embedded.S",
      "addon/host/image.cc",
      "addon/host/clone.cc",
      "addon/host/spawn.cc",
      "addon/host/channel.cc",
      "addon/host/thread.cc",
      "addon/host/networks.cc",
      "addon/host/cgroup.cc",
      "addon/host/notify.cc",
      "addon/host/trapped.cc",
      "addon/host/idmap.cc",
      "addon/host/netdevice.cc",
      "addon/host/mapped-tree.cc",
      "addon/host/resctrl.cc",
      "addon/host/command.cc",
      "addon/host/session.cc",
      "addon/host/probe.cc",
      "addon/host/readiness.cc",
      "addon/host/create.cc",
      "addon/host/reactor.cc",
      "addon/host/workers.cc",
      "addon/sys/resolve.cc"
    ],
    "addon_defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NAPI_DISABLE_CPP_EXCEPTIONS",
      "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    "addon_flags": ["-std=c++20", "-O2", "-fno-exceptions", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
      "-fstack-protector-strong", "-fstack-clash-protection", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-D_GLIBCXX_ASSERTIONS",
      "-Wall", "-Wextra", "-Wformat-security", "-Wno-unused-parameter"],
    "addon_link_flags": ["-static-libstdc++", "-static-libgcc", "-Wl,-z,relro,-z,now,-z,noexecstack,-z,nodelete",
      "-Wl,--gc-sections", "-Wl,--exclude-libs,ALL"]
  }
}
