/*
 * The floor of the benchmark: plain C that does what starting the default container needs, and nothing else.
 *
 *   floor ROOTFS NAME STATEDIR
 *
 * For every line on standard input it starts a container from ROOTFS that runs /bin/true, waits for it, removes what
 * was made, and answers with the nanoseconds that this took. The caller thereby decides when a round happens.
 *
 * It knows the default spec by heart: no config.json, no validation, no plan, no error recovery, no path resolution
 * that withstands a hostile root file system. The child is a vfork-style clone of this small process that runs the
 * set-up itself, without the exec of a separate init and without any message between the two: nothing here waits for
 * anything but the kernel.
 *
 * Cgroup v1 hierarchies only (and those of a hybrid host). Needs root. Exits 1 with a message at the first failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HIERARCHIES = 16, PATH_SIZE = 512, STACK_SIZE = 256 * 1024 };

struct hierarchy {
  char mountpoint[PATH_SIZE];
  char name[64];        /* last part of the mount point, e.g. "memory" */
  char controllers[64]; /* mount data, e.g. "memory" or "none,name=systemd" */
  char group[PATH_SIZE];
};

static struct hierarchy hierarchies[MAX_HIERARCHIES];
static int hierarchy_count;
static const char *rootfs, *name, *state_directory;
static char child_stack[STACK_SIZE] __attribute__((aligned(16)));

static void fail(const char *step, const char *operand) {
  fprintf(stderr, "floor: cannot %s %s: %s\n", step, operand, strerror(errno));
  _exit(1);
}

static const char *path_of(const char *format, ...) {
  static char path[PATH_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(path, sizeof path, format, arguments);
  va_end(arguments);
  return path;
}

static void write_file(const char *path, const char *value, size_t length) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, value, length) != (ssize_t)length) fail("write", path);
  close(fd);
}

static void write_group_file(const struct hierarchy *hierarchy, const char *file, const char *value) {
  const char *path = path_of("%s/%s", hierarchy->group, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) fail("write", path);
  close(fd);
}

/* --- once, before the first round ------------------------------------------------------------------------------ */

static void find_hierarchies(void) {
  char line[1024], mountpoint[PATH_SIZE], options[PATH_SIZE], *word, *rest = NULL;
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (!mounts) fail("read", "/proc/self/mountinfo");
  while (fgets(line, sizeof line, mounts) && hierarchy_count < MAX_HIERARCHIES) {
    const char *tail = strstr(line, " - cgroup ");
    if (!tail || sscanf(tail, " - cgroup %*s %511s", options) != 1) continue;
    if (sscanf(line, "%*s %*s %*s %*s %511s", mountpoint) != 1) continue;
    struct hierarchy *hierarchy = &hierarchies[hierarchy_count++];
    strcpy(hierarchy->mountpoint, mountpoint);
    snprintf(hierarchy->name, sizeof hierarchy->name, "%s", strrchr(mountpoint, '/') + 1);
    snprintf(hierarchy->group, PATH_SIZE, "%.400s/nrunc-bench/%.60s", mountpoint, name);
    for (word = strtok_r(options, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
      if (!strcmp(word, "rw") || !strcmp(word, "xattr") || !strncmp(word, "release_agent=", 14)) continue;
      size_t used = strlen(hierarchy->controllers);
      snprintf(hierarchy->controllers + used, sizeof hierarchy->controllers - used, "%s%s%s", used ? "," : "",
               strncmp(word, "name=", 5) ? "" : "none,", word);
    }
  }
  fclose(mounts);
}

/* --- the host's side ------------------------------------------------------------------------------------------- */

static void write_state(void) {
  static char state[4096];
  memset(state, ' ', sizeof state);
  mkdir(path_of("%s/%s", state_directory, name), 0700);
  write_file(path_of("%s/%s/.state.json", state_directory, name), state, sizeof state);
  char final[PATH_SIZE];
  snprintf(final, sizeof final, "%s/%s/state.json", state_directory, name);
  if (rename(path_of("%s/%s/.state.json", state_directory, name), final)) fail("rename", final);
}

static void remove_state(void) {
  unlink(path_of("%s/%s/state.json", state_directory, name));
  rmdir(path_of("%s/%s", state_directory, name));
}

static void seed_cpuset(const struct hierarchy *hierarchy) {
  static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
  for (int i = 0; i < 2; i++) {
    char value[256];
    int fd = open(path_of("%s/../%s", hierarchy->group, files[i]), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, value, sizeof value - 1);
    if (length < 0) fail("read", files[i]);
    close(fd);
    value[length] = 0;
    write_group_file(hierarchy, files[i], value);
  }
}

static void restrict_devices(const struct hierarchy *hierarchy) {
  static const char *const allowed[] = {
    "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:8 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:5 rwm", "c 1:9 rwm",
    "c 136:* rwm", "c 5:2 rwm",
  };
  write_group_file(hierarchy, "devices.deny", "a");
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
    write_group_file(hierarchy, "devices.allow", allowed[i]);
}

static void make_groups(void) {
  for (int i = 0; i < hierarchy_count; i++) {
    const struct hierarchy *hierarchy = &hierarchies[i];
    if (mkdir(hierarchy->group, 0755)) fail("create cgroup", hierarchy->group);
    if (!strcmp(hierarchy->name, "cpuset")) seed_cpuset(hierarchy);
    if (!strcmp(hierarchy->name, "devices")) restrict_devices(hierarchy);
  }
}

static void remove_groups(void) {
  for (int i = 0; i < hierarchy_count; i++)
    while (rmdir(hierarchies[i].group))
      if (errno != EBUSY) fail("remove cgroup", hierarchies[i].group);
}

/* --- the container's side: namespaces -------------------------------------------------------------------------- */

static void join_groups(void) {
  for (int i = 0; i < hierarchy_count; i++) write_group_file(&hierarchies[i], "tasks", "0");
  if (unshare(CLONE_NEWCGROUP)) fail("unshare", "cgroup");
}

static void new_session(void) {
  setsid();
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0) fail("join session keyring", name);
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request)) fail("bring up", "lo");
  close(fd);
}

/* --- the container's side: the root file system ---------------------------------------------------------------- */

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  if (mount(source, path_of("%s%s", rootfs, target), type, flags, data)) fail("mount", target);
}

static void prepare_root(void) {
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL)) fail("set the propagation of", "/");
  if (mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL)) fail("bind", rootfs);
}

static void make_directory(const char *path) {
  if (mkdir(path_of("%s%s", rootfs, path), 0755)) fail("create directory", path);
}

static void mount_groups(void) {
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
  char target[PATH_SIZE];
  mount_at("cgroup", "/sys/fs/cgroup", "tmpfs", flags, "mode=755");
  for (int i = 0; i < hierarchy_count; i++) {
    snprintf(target, sizeof target, "/sys/fs/cgroup/%s", hierarchies[i].name);
    make_directory(target);
    mount_at("cgroup", target, "cgroup", flags | MS_RDONLY, hierarchies[i].controllers);
  }
  mount_at(NULL, "/sys/fs/cgroup", NULL, flags | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

static void mount_all(void) {
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_at("proc", "/proc", "proc", 0, NULL);
  mount_at("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  make_directory("/dev/pts");
  mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  make_directory("/dev/shm");
  mount_at("shm", "/dev/shm", "tmpfs", flags, "mode=1777,size=65536k");
  make_directory("/dev/mqueue");
  mount_at("mqueue", "/dev/mqueue", "mqueue", flags, NULL);
  mount_at("sysfs", "/sys", "sysfs", flags | MS_RDONLY, NULL);
  mount_groups();
}

static void make_devices(void) {
  static const struct { const char *path; unsigned major, minor; } devices[] = {
    {"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/random", 1, 8},
    {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
  };
  static const struct { const char *path, *target; } links[] = {
    {"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
  };
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (mknod(path_of("%s%s", rootfs, devices[i].path), S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)))
      fail("create device", devices[i].path);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    if (symlink(links[i].target, path_of("%s%s", rootfs, links[i].path))) fail("create link", links[i].path);
}

static void enter_root(void) {
  int old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (chdir(rootfs) || syscall(SYS_pivot_root, ".", ".")) fail("pivot_root to", rootfs);
  if (fchdir(old_root) || umount2(".", MNT_DETACH) || chdir("/")) fail("detach", "the old root");
  close(old_root);
  if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)) fail("make read-only", "/");
}

static void protect_paths(void) {
  static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  static const char *const masked[] = {
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
  };
  const char *empty = NULL;
  for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
    if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL)) {
      if (errno == ENOENT) continue;
      fail("make read-only", readonly[i]);
    }
    if (mount(NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)) fail("make read-only", readonly[i]);
  }
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    if (!mount("/dev/null", masked[i], NULL, MS_BIND, NULL) || errno == ENOENT) continue;
    if (errno != ENOTDIR) fail("mask", masked[i]);
    if (empty ? mount(empty, masked[i], NULL, MS_BIND, NULL) : mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL))
      fail("mask", masked[i]);
    empty = masked[i];
  }
}

/* --- the container's side: the process ------------------------------------------------------------------------- */

static void connect_stdio(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) fail("open", "/dev/null");
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  syscall(SYS_close_range, 3, ~0U, 0);
}

static void limit_process(void) {
  static const unsigned keep[] = {CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE};
  struct rlimit files = {1024, 1024};
  if (setrlimit(RLIMIT_NOFILE, &files)) fail("set rlimit", "RLIMIT_NOFILE");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("set", "no_new_privs");

  unsigned kept = 0; /* all three are below 32 */
  for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) kept |= 1U << keep[i];
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
    if (capability < 32 && (kept & 1U << capability)) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL) fail("drop", "the bounding capabilities");
  }

  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setgid, 0) || syscall(SYS_setuid, 0)) fail("set", "the user");
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{kept, kept, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data)) fail("set", "the capabilities");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int container(void *unused) {
  (void)unused;
  static char *const arguments[] = {"/bin/true", NULL};
  static char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOME=/root", NULL,
  };
  umask(0);
  join_groups();
  new_session();
  if (sethostname("floor", 5)) fail("set", "hostname");
  loopback_up();
  prepare_root();
  mount_all();
  make_devices();
  enter_root();
  protect_paths();
  connect_stdio();
  limit_process();
  umask(022);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

/* --- a round --------------------------------------------------------------------------------------------------- */

static void start_and_wait(void) {
  int status, namespaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
  make_groups();
  pid_t pid = clone(container, child_stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | namespaces | SIGCHLD, NULL);
  if (pid < 0) fail("clone", "the container");
  write_state();
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "floor: the container ended with status %#x\n", status);
    exit(1);
  }
  remove_groups();
  remove_state();
}

int main(int count, char **arguments) {
  char line[16];
  if (count != 4) {
    fprintf(stderr, "usage: floor ROOTFS NAME STATEDIR\n");
    return 2;
  }
  rootfs = arguments[1];
  name = arguments[2];
  state_directory = arguments[3];
  find_hierarchies();
  while (fgets(line, sizeof line, stdin)) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    start_and_wait();
    clock_gettime(CLOCK_MONOTONIC, &after);
    printf("%lld\n", (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec);
    fflush(stdout);
  }
  return 0;
}
