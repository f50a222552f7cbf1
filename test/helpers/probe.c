// Runs as the program of a container and prints, as one line of JSON, what it finds itself in. Static: it needs nothing
// of the root file system. With arguments it tries one thing instead and prints its errno, 0 for success.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static void print_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 0x20) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static void print_list(const char *name, char **list) {
  printf("\"%s\":[", name);
  for (int i = 0; list[i]; i++) {
    if (i) putchar(',');
    print_text(list[i]);
  }
  printf("],");
}

// The lines "Name:\tvalue" of /proc/self/status, as they are.
static void print_status(void) {
  char line[512];
  FILE *file = fopen("/proc/self/status", "r");
  printf("\"status\":{");
  for (int first = 1; file && fgets(line, sizeof line, file); first = 0) {
    char *value = strchr(line, ':');
    if (!value) continue;
    *value++ = 0;
    value += strspn(value, " \t");
    value[strcspn(value, "\n")] = 0;
    if (!first) putchar(',');
    print_text(line);
    putchar(':');
    print_text(value);
  }
  if (file) fclose(file);
  printf("},");
}

static void print_descriptors(void) {
  printf("\"descriptors\":{");
  for (int fd = 0, first = 1; fd < 4096; fd++) {
    char path[64], target[4096];
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    printf("%s\"%d\":", first ? "" : ",", fd);
    print_text(target);
    first = 0;
  }
  printf("},");
}

static void print_dispositions(void) {
  printf("\"notDefault\":[");
  for (int number = 1, first = 1; number < 65; number++) {
    // The C library hides 32 and 33.
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } now = {0};
    if (syscall(SYS_rt_sigaction, number, NULL, &now, 8) != 0 || now.handler == NULL) continue;
    printf("%s%d", first ? "" : ",", number);
    first = 0;
  }
  unsigned long blocked = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8);
  printf("],\"blocked\":%lu,", blocked);
}

static void print_limits(void) {
  printf("\"limits\":{");
  for (int resource = 0; resource < 16; resource++) {
    struct rlimit limit = {0, 0};
    getrlimit(resource, &limit);
    // As texts: a JSON number has no room for RLIM_INFINITY.
    printf("%s\"%d\":[\"%llu\",\"%llu\"]", resource ? "," : "", resource, (unsigned long long)limit.rlim_cur,
           (unsigned long long)limit.rlim_max);
  }
  printf("},");
}

static void print_namespaces(void) {
  static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  printf("\"namespaces\":{");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    printf("%s\"%s\":", i ? "," : "", names[i]);
    print_text(target);
  }
  printf("},");
}

static void print_links(void) {
  static const char *const names[] = {"cwd", "exe", "root"};
  printf("\"links\":{");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64], target[4096];
    snprintf(path, sizeof path, "/proc/self/%s", names[i]);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    printf("%s\"%s\":", i ? "," : "", names[i]);
    print_text(target);
  }
  printf("},");
}

// Whole files of /proc/self, by their names.
static void print_files(void) {
  static const char *const names[] = {"mountinfo", "oom_score_adj", "setgroups", "uid_map", "gid_map", "personality", "coredump_filter", "timers", "comm"};
  printf("\"files\":{");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    static char content[65536];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/%s", names[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    for (ssize_t got; fd >= 0 && size < sizeof content - 1; size += (size_t)got) {
      got = read(fd, content + size, sizeof content - 1 - size);
      if (got <= 0) break;
    }
    content[size] = 0;
    if (fd >= 0) close(fd);
    printf("%s\"%s\":", i ? "," : "", names[i]);
    print_text(content);
  }
  printf("},");
}

static void print_keyring(void) {
  char description[512] = "";
  long size = syscall(SYS_keyctl, 6 /* KEYCTL_DESCRIBE */, -3 /* session */, description, sizeof description);
  printf("\"keyring\":");
  print_text(size > 0 ? description : "");
  putchar(',');
}

static void print_terminal(void) {
  struct winsize size = {0, 0, 0, 0};
  int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  printf("\"terminal\":");
  if (fd < 0) {
    printf("null,");
    return;
  }
  ioctl(fd, TIOCGWINSZ, &size);
  printf("{\"rows\":%d,\"columns\":%d,\"foreground\":%s},", size.ws_row, size.ws_col,
         tcgetpgrp(fd) == getpgrp() ? "true" : "false");
  close(fd);
}

static void print_self(char **argv) {
  char directory[4096] = "";
  int death = 0, reaper = 0;
  prctl(PR_GET_PDEATHSIG, &death);
  prctl(PR_GET_CHILD_SUBREAPER, &reaper);
  mode_t mask = umask(0);
  // getcwd(3) hides a directory that is not below the root.
  syscall(SYS_getcwd, directory, sizeof directory);
  putchar('{');
  print_descriptors();
  print_list("args", argv);
  print_list("env", environ);
  print_status();
  print_dispositions();
  print_limits();
  print_namespaces();
  print_links();
  print_files();
  print_keyring();
  print_terminal();
  printf("\"directory\":");
  print_text(directory);
  printf(",\"pid\":%d,\"session\":%d,\"umask\":%u,", getpid(), getsid(0), (unsigned)mask);
  printf("\"deathSignal\":%d,\"subreaper\":%d,\"dumpable\":%d,\"securebits\":%d}\n", death, reaper,
         prctl(PR_GET_DUMPABLE), prctl(PR_GET_SECUREBITS));
}

static int report(long result) {
  printf("%d\n", result < 0 ? errno : 0);
  return 0;
}

static int open_for_writing(const char *path) {
  return report(open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY));
}

// A device that is made and opened in one go: the test of the device rules.
static int use_device(char **argv) {
  int major = atoi(argv[4]), minor = atoi(argv[5]);
  unlink(argv[2]);
  if (mknod(argv[2], (argv[3][0] == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor)) != 0) {
    printf("mknod ");
    return report(-1);
  }
  printf("open ");
  return report(open(argv[2], strcmp(argv[6], "w") == 0 ? O_WRONLY : O_RDONLY));
}

// CVE-2017-5226: a key typed into the terminal of the caller.
static int type_into(int fd) {
  return report(ioctl(fd, TIOCSTI, "x"));
}

// sched_getattr(2), ioprio_get(2), sched_getaffinity(2), personality(2), get_mempolicy(2).
static int print_scheduling(void) {
  struct {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period;
    unsigned clamp[2];
  } attributes = {0};
  unsigned long cpus[16] = {0}, nodes[64] = {0};
  int mode = -1;
  syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
  syscall(SYS_sched_getaffinity, 0, sizeof cpus, cpus);
  syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0);
  printf("{\"policy\":%u,\"flags\":%llu,\"nice\":%d,\"priority\":%u,", attributes.policy, attributes.flags,
         attributes.nice, attributes.priority);
  printf("\"runtime\":%llu,\"deadline\":%llu,\"period\":%llu,", attributes.runtime, attributes.deadline,
         attributes.period);
  printf("\"ioPriority\":%ld,\"cpus\":%lu,\"personality\":%ld,\"memory\":%d,\"nodes\":%lu}\n",
         syscall(SYS_ioprio_get, 1, 0), cpus[0], syscall(SYS_personality, 0xffffffff), mode, nodes[0]);
  return 0;
}

static int eat(const char *amount) {
  size_t size = (size_t)atol(amount) << 20;
  char *memory = malloc(size);
  if (!memory) return report(-1);
  memset(memory, 1, size);
  return report(0);
}

// Waits, with the signals whose numbers are given handled, and prints each that arrives. PID 1 does not get one that it
// does not handle.
static void say(int number) {
  char text[] = "signal 00\n";
  text[7] = (char)('0' + number / 10);
  text[8] = (char)('0' + number % 10);
  if (write(1, text, sizeof text - 1) < 0) _exit(1);
}

static _Noreturn void catch_signals(char **argv) {
  for (int i = 2; argv[i]; i++) signal(atoi(argv[i]), say);
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

// System calls under a filter, seccomp(2): by their numbers, with up to six arguments.
static long call_words(char **words) {
  long values[7] = {0};
  for (int i = 0; i < 7 && words[i]; i++) values[i] = (long)strtoull(words[i], NULL, 0);
  return syscall(values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
}

static void print_trap(int signal, siginfo_t *info, void *context) {
  (void)context;
  char text[96];
  int size = snprintf(text, sizeof text, "signal %d call %d architecture %x\n", signal, info->si_syscall, info->si_arch);
  if (write(1, text, (size_t)size) < 0) _exit(1);
}

static int call_trapped(char **words) {
  struct sigaction action = {.sa_sigaction = print_trap, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  call_words(words);
  return 0;
}

static volatile pid_t caller;

static void *call_in_thread(void *words) {
  caller = (pid_t)syscall(SYS_gettid);
  call_words(words);
  puts("not reached");
  return NULL;
}

static int survive(char **words) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, call_in_thread, words) != 0) return 1;
  // What the kernel ends is not joined: wait until its number is free.
  while (caller == 0 || syscall(SYS_tgkill, getpid(), caller, 0) == 0) usleep(1000);
  puts("the process goes on");
  return 0;
}

// What a tracer is told of a call with SCMP_ACT_TRACE.
static int trace(char **words) {
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    call_words(words);
    _exit(0);
  }
  int status = 0;
  unsigned long message = 0;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0);
  ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
  printf("event %d message %lu\n", status >> 16, message);
  return 0;
}

// A tracer of a process that belongs to somebody else: when that has ended it cannot be reaped before this one has looked
// at it, which it does after a line of input; ptrace(2), wait(2).
static int hold_back(pid_t pid) {
  int status = 0;
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) return report(-1);
  puts("ready");
  fflush(stdout);
  getchar();
  return report(waitpid(pid, &status, __WALL));
}

// Two names change places all the time (CVE-2021-30465).
static _Noreturn void swap(const char *one, const char *other) {
  puts("ready");
  fflush(stdout);
  for (;;) syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
}

// Whoever opens PATH waits until this process gives the lease up, which it does not; fcntl(2), F_SETLEASE.
static _Noreturn void lease(const char *path) {
  signal(SIGIO, SIG_IGN);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  puts(fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ? "ready" : strerror(errno));
  fflush(stdout);
  for (;;) pause();
}

// A new terminal, whose name it prints, open as long as this process.
static _Noreturn void make_terminal(void) {
  int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlocked = 0, number = 0;
  if (fd < 0 || ioctl(fd, TIOCSPTLCK, &unlocked) != 0 || ioctl(fd, TIOCGPTN, &number) != 0) _exit(1);
  printf("/dev/pts/%d\n", number);
  fflush(stdout);
  for (;;) pause();
}

// A key in a session keyring of its own, for the program that is executed then; keyctl(2), add_key(2).
static int with_key(char **words) {
  syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
  if (syscall(SYS_add_key, "user", "nrunc-secret", "x", 1, -3) < 0) return report(-1);
  execvp(words[0], words);
  return report(-1);
}

static int look_for_key(void) { return report(syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, -3, "user", "nrunc-secret", 0)); }

// What the links of another process lead to, where they can be seen; a file of memory is tried to write to.
static void look_at(const char *pid, const char *name) {
  char path[300], target[4096];
  snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size <= 0) return;
  target[size] = 0;
  if (strncmp(target, "/memfd:", 7) == 0) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0 && write(fd, "x", 1) == 1) printf("wrote %s\n", target);
    if (fd >= 0) close(fd);
  }
  printf("%s -> %s\n", name, target);
  fflush(stdout);
}

// Every process but this one and init, again and again (CVE-2016-9962, CVE-2019-5736).
static _Noreturn void snoop(void) {
  puts("ready");
  fflush(stdout);
  for (;;) {
    DIR *processes = opendir("/proc");
    for (struct dirent *process; processes && (process = readdir(processes));) {
      int pid = atoi(process->d_name);
      if (pid <= 1 || pid == getpid()) continue;
      look_at(process->d_name, "exe");
      look_at(process->d_name, "cwd");
      look_at(process->d_name, "root");
      char path[300];
      snprintf(path, sizeof path, "/proc/%.20s/fd", process->d_name);
      DIR *descriptors = opendir(path);
      for (struct dirent *entry; descriptors && (entry = readdir(descriptors));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "fd/%.20s", entry->d_name);
        look_at(process->d_name, path);
      }
      if (descriptors) closedir(descriptors);
    }
    if (processes) closedir(processes);
  }
}

#if defined(__x86_64__)
static int call_legacy(const char *number) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(atol(number)), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  printf("%ld\n", result);
  return 0;
}
#endif

int main(int argc, char **argv) {
  if (argc >= 3 && strcmp(argv[1], "call") == 0) return report(call_words(argv + 2));
  if (argc >= 3 && strcmp(argv[1], "trap") == 0) return call_trapped(argv + 2);
  if (argc >= 3 && strcmp(argv[1], "thread") == 0) return survive(argv + 2);
  if (argc >= 3 && strcmp(argv[1], "trace") == 0) return trace(argv + 2);
#if defined(__x86_64__)
  if (argc == 3 && strcmp(argv[1], "legacy") == 0) return call_legacy(argv[2]);
#endif
  if (argc == 3 && strcmp(argv[1], "write") == 0) return open_for_writing(argv[2]);
  if (argc == 7 && strcmp(argv[1], "device") == 0) return use_device(argv);
  if (argc == 3 && strcmp(argv[1], "type") == 0) return type_into(atoi(argv[2]));
  if (argc == 2 && strcmp(argv[1], "scheduling") == 0) return print_scheduling();
  if (argc == 3 && strcmp(argv[1], "hold") == 0) return hold_back(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "eat") == 0) return eat(argv[2]);
  if (argc == 4 && strcmp(argv[1], "swap") == 0) swap(argv[2], argv[3]);
  if (argc == 2 && strcmp(argv[1], "snoop") == 0) snoop();
  if (argc == 3 && strcmp(argv[1], "lease") == 0) lease(argv[2]);
  if (argc >= 3 && strcmp(argv[1], "withkey") == 0) return with_key(argv + 2);
  if (argc == 2 && strcmp(argv[1], "key") == 0) return look_for_key();
  if (argc == 2 && strcmp(argv[1], "terminal") == 0) make_terminal();
  if (argc >= 3 && strcmp(argv[1], "catch") == 0) catch_signals(argv);
  print_self(argv);
  return 0;
}
