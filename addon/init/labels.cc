// Profiles and labels of the security modules. In process: init. All goes through the host's /proc, opened before the
// container had any say: a write to a file that the image put there would leave the process unconfined
// (CVE-2019-16884).

#include "init/context.h"

namespace {

Status write_attribute(Context& context, Text path, Text value, Text operand) {
  Fd file;
  TRY(file.take(CALL(openat, context.proc.get(), path.data, O_WRONLY | O_CLOEXEC, 0), operand));
  return status_of(CALL(write, file.get(), value.data, value.size), operand);
}

}  // namespace

// The folder of its own is for kernels with several modules at once; the old name is that of the first of them.
Status set_apparmor_profile(Context& context, plan::Reader& arguments) {
  Text profile = arguments.text();
  if (!arguments.done()) return malformed();
  PathBuffer value;
  value.add("exec ").add(profile);
  if (value.overflow) return failure(ENAMETOOLONG, "write", profile);
  Status written = write_attribute(context, "self/attr/apparmor/exec", value.text(), profile);
  return written.error == ENOENT && Text(written.call).equals("openat")
             ? write_attribute(context, "self/attr/exec", value.text(), profile)
             : written;
}

Status set_selinux_label(Context& context, plan::Reader& arguments) {
  Text attribute = arguments.text(), label = arguments.text();
  if (!arguments.done()) return malformed();
  PathBuffer path;
  path.add("self/attr/").add(attribute);
  if (path.overflow) return failure(ENAMETOOLONG, "openat", attribute);
  // With its NUL; an empty label, nothing but that, takes back the one before.
  Fd file;
  TRY(file.take(CALL(openat, context.proc.get(), path.data, O_WRONLY | O_CLOEXEC, 0), label));
  return status_of(CALL(write, file.get(), label.data, label.size + 1), label);
}

Status label_directory(Context& context, plan::Reader& arguments) {
  Text path = arguments.text(), label = arguments.text();
  if (!arguments.done()) return malformed();
  Fd directory;
  TRY(open_in_root(context.root, path, O_RDONLY | O_DIRECTORY, directory));
  return status_of(CALL(fsetxattr, directory.get(), "security.selinux", label.data, label.size + 1, 0), path);
}
