// A file system that the container serves itself: `fuse DIRECTORY` mounts it, prints "ready", and serves it. In its root:
//   hang   a file whose content never comes; prints "read" for each attempt
//   silent a file that does not even say what it is; prints "look"
//   new files are never made; prints "create"
//   then   the same after its first 262144 bytes
//   many   a directory without an end, of empty files; who removes it is printed "rmdir", and waits for the errno that is
//          read from standard input
// Source: linux/fuse.h, fuse(4).
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOT = 1, HANG = 2, MANY = 3, EMPTY = 4, SILENT = 5, THEN = 6 };

static const uint64_t THEN_ENDS = 1 << 18;

static int device;

static void answer(const struct fuse_in_header *to, int error, const void *data, size_t size) {
  struct fuse_out_header header = {.len = (uint32_t)(sizeof header + size), .error = -error, .unique = to->unique};
  struct iovec parts[] = {{&header, sizeof header}, {(void *)data, size}};
  if (writev(device, parts, 2) < 0 && errno != ENOENT) perror("writev");
}

static struct fuse_attr attributes_of(uint64_t node) {
  const int directory = node == ROOT || node == MANY;
  return (struct fuse_attr){.ino = node, .mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1, .size = node == HANG ? 4096 : node == THEN ? 2 * THEN_ENDS : 0, .blksize = 4096};
}

static void look_up(const struct fuse_in_header *in, const char *name) {
  struct fuse_entry_out out = {0};
  if (in->nodeid == MANY) out.nodeid = EMPTY;
  else if (strcmp(name, "hang") == 0) out.nodeid = HANG;
  else if (strcmp(name, "many") == 0) out.nodeid = MANY;
  else if (strcmp(name, "then") == 0) out.nodeid = THEN;
  else if (strcmp(name, "silent") == 0) out.nodeid = SILENT;
  if (out.nodeid == 0) return answer(in, ENOENT, NULL, 0);
  out.attr = attributes_of(out.nodeid);
  answer(in, 0, &out, sizeof out);
}

static void list(const struct fuse_in_header *in, const struct fuse_read_in *wanted) {
  static char entries[1 << 16];
  uint32_t size = 0;
  for (uint64_t at = wanted->offset; in->nodeid == MANY; at++) {
    struct fuse_dirent entry = {.ino = EMPTY, .off = at + 1, .type = DT_REG};
    char name[32];
    entry.namelen = (uint32_t)snprintf(name, sizeof name, "entry%llu", (unsigned long long)at);
    const uint32_t whole = (uint32_t)FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
    if (size + whole > wanted->size || size + whole > sizeof entries) break;
    memset(entries + size, 0, whole);
    memcpy(entries + size, &entry, FUSE_NAME_OFFSET);
    memcpy(entries + size + FUSE_NAME_OFFSET, name, entry.namelen);
    size += whole;
  }
  answer(in, 0, entries, size);
}

static void leave_unanswered(const char *what) {
  puts(what);
  fflush(stdout);
}

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *wanted) {
  static const char zeros[1 << 17];
  if (in->nodeid == HANG || (in->nodeid == THEN && wanted->offset >= THEN_ENDS)) return leave_unanswered("read");
  answer(in, 0, zeros, in->nodeid == THEN && wanted->size < sizeof zeros ? wanted->size : in->nodeid == THEN ? sizeof zeros : 0);
}

static void refuse_removal(const struct fuse_in_header *in) {
  int error = EIO;
  puts("rmdir");
  fflush(stdout);
  if (scanf("%d", &error) != 1) exit(0);
  answer(in, error, NULL, 0);
}

static void serve(const struct fuse_in_header *in, const void *body) {
  switch (in->opcode) {
    case FUSE_INIT: {
      struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: return look_up(in, body);
    case FUSE_CREATE: return leave_unanswered("create");
    case FUSE_GETATTR: {
      if (in->nodeid == SILENT) return leave_unanswered("look");
      struct fuse_attr_out out = {.attr = attributes_of(in->nodeid)};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out out = {.fh = in->nodeid, .open_flags = in->nodeid == HANG || in->nodeid == THEN ? FOPEN_DIRECT_IO : 0};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_READ:
      return read_file(in, body);
    case FUSE_READDIR: return list(in, body);
    case FUSE_RMDIR: return refuse_removal(in);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH: return answer(in, 0, NULL, 0);
    default: return answer(in, ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  static char request[1 << 17];
  char options[128];
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (argc != 2 || device < 0) return perror("/dev/fuse"), 1;
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
  if (mount("fuse", argv[1], "fuse", 0, options) != 0) return perror("mount"), 1;
  puts("ready");
  fflush(stdout);
  for (;;) {
    const ssize_t size = read(device, request, sizeof request);
    if (size < 0 && errno != EINTR && errno != ENOENT) return 0;
    if (size > 0) serve((const struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
  }
}
