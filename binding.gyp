{
  "includes": ["addon/sources.gypi"],
  "targets": [
    {
      "target_name": "nrunc_init",
      "type": "executable",
      "sources": ["<@(init_sources)"],
      "include_dirs": ["addon"],
      "cflags!": ["-pthread", "-fPIC"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["<@(freestanding_flags)", "<@(freestanding_flags_<(target_arch))", "<@(init_flags)"],
      "ldflags!": ["-pthread", "-rdynamic"],
      "ldflags": ["<@(freestanding_link_flags)", "<@(init_link_flags)"],
      "libraries!": ["-lpthread", "-ldl"]
    },
    {
      "target_name": "nrunc_launcher",
      "type": "executable",
      "sources": ["<@(launcher_sources)"],
      "include_dirs": ["addon"],
      "cflags!": ["-pthread", "-fPIC"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["<@(freestanding_flags)", "<@(freestanding_flags_<(target_arch))", "<@(launcher_flags)"],
      "ldflags!": ["-pthread", "-rdynamic"],
      "ldflags": ["<@(freestanding_link_flags)", "<@(launcher_link_flags)"],
      "libraries!": ["-lpthread", "-ldl"]
    },
    {
      "target_name": "nrunc",
      "dependencies": ["nrunc_init"],
      "sources": ["<@(addon_sources)"],
      "sources!": ["addon/host/embedded.S"],
      "actions": [{
        # Embeds init: assembled again when init is another.
        "action_name": "embed",
        "inputs": ["addon/host/embedded.S", "<(PRODUCT_DIR)/nrunc_init"],
        "outputs": ["<(INTERMEDIATE_DIR)/embedded.S"],
        "action": ["cp", "addon/host/embedded.S", "<(INTERMEDIATE_DIR)/embedded.S"],
        "process_outputs_as_sources": 1
      }],
      "include_dirs": ["addon", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["<@(addon_defines)"],
      "cflags": ["-Wa,-I<(PRODUCT_DIR)"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["<@(addon_flags)", "<@(addon_flags_<(target_arch))"],
      "ldflags": ["<@(addon_link_flags)", "<@(addon_link_flags_<(target_arch))", "-Wl,--version-script=<(module_root_dir)/addon/exports.map"]
    }
  ]
}
