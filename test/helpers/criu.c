// Stands for criu in tests: answers `criu swrk 3` as criu does, without looking at a process. In the directory HOME it
// reads `behaviour` (words) and writes `requests` (each message that it gets, in hex) and `facts` (what it is itself).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char behaviour[4096];
static const int conversation = 3;

static FILE* at_home(const char* name, const char* mode) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("HOME"), name);
  return fopen(path, mode);
}

static void fact(const char* format, ...) {
  FILE* file = at_home("facts", "a");
  va_list list;
  va_start(list, format);
  vfprintf(file, format, list);
  va_end(list);
  fclose(file);
}

static int number_of(const char* word, int otherwise) {
  char* found = strstr(behaviour, word);
  return found == NULL ? otherwise : atoi(found + strlen(word));
}

static unsigned long long varint(const unsigned char** at) {
  unsigned long long value = 0;
  for (int shift = 0;; shift += 7) {
    unsigned char byte = *(*at)++;
    value |= (unsigned long long)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// The last field NUMBER in the message: its value, or its length with *CONTENT at its beginning. -1 where it is not there.
static long field(const unsigned char* at, const unsigned char* end, unsigned number, const unsigned char** content) {
  long found = -1;
  while (at < end) {
    unsigned long long key = varint(&at), value = varint(&at);
    if (key >> 3 == number) {
      found = (long)value;
      if (content != NULL) *content = at;
    }
    if ((key & 7) == 2) at += value;
  }
  return found;
}

static unsigned char message[1 << 16];

static long receive(void) {
  long size = recv(conversation, message, sizeof message, 0);
  if (size <= 0) exit(size == 0 ? 1 : 2);
  FILE* file = at_home("requests", "a");
  for (long i = 0; i < size; i++) fprintf(file, "%02x", message[i]);
  fprintf(file, "\n");
  fclose(file);
  return size;
}

static void reply(const unsigned char* data, long size, int descriptor) {
  struct iovec vector = {(void*)data, (size_t)size};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
  if (descriptor >= 0) {
    header.msg_control = control.room;
    header.msg_controllen = sizeof control.room;
    struct cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &descriptor, sizeof descriptor);
  }
  sendmsg(conversation, &header, 0);
}

static void answer(int type, int success, int error) {
  unsigned char data[] = {8, (unsigned char)type, 16, (unsigned char)success, 56, (unsigned char)error};
  reply(data, error ? 6 : 4, -1);
}

static int put_varint(unsigned char* at, unsigned value) {
  int size = 0;
  for (; value > 0x7f; value >>= 7) at[size++] = (unsigned char)(value | 0x80);
  at[size++] = (unsigned char)value;
  return size;
}

// Whether the listener agrees.
static int notify(const char* script, int pid, int descriptor) {
  unsigned char data[256] = {8, 6, 16, 1, 42, 0, 10, (unsigned char)strlen(script)};
  int size = 8;
  memcpy(data + size, script, strlen(script));
  size += (int)strlen(script);
  data[size++] = 16;
  size += put_varint(data + size, (unsigned)pid);
  data[5] = (unsigned char)(size - 6);
  reply(data, size, descriptor);
  long got = receive();
  return field(message, message + got, 3, NULL) == 1;
}

// Opens what the request names by its number in the process at the other end.
static int of_peer(long descriptor) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  char path[64];
  getsockopt(conversation, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  snprintf(path, sizeof path, "/proc/%d/fd/%ld", peer.pid, descriptor);
  return open(path, O_RDONLY | O_DIRECTORY);
}

static void write_log(const unsigned char* options, const unsigned char* end) {
  const unsigned char* name = NULL;
  long work = field(options, end, 17, NULL), length = field(options, end, 10, &name);
  int directory = of_peer(work >= 0 ? work : field(options, end, 1, NULL));
  char text[64] = "";
  memcpy(text, name, (size_t)length);
  int file = openat(directory, text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const char* lines = "(00.000001) Version: 3.17\n(00.000002) Error (criu/test.c:1): the first error\n(00.000003) Error (criu/test.c:2): the last error\n";
  if (directory < 0 || write(file, lines, strlen(lines)) < 0) fact("log %s\n", strerror(errno));
  close(file);
  close(directory);
}

static void show_link(const char* path) {
  char target[4096] = "";
  fact("%s %s\n", path, readlink(path, target, sizeof target - 1) < 0 ? strerror(errno) : target);
}

static void leave(int code) { _exit(code); }
static void on_term(int signal) { leave(signal == SIGTERM ? 7 : 8); }

static int restored(int master) {
  int pid = (int)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (pid != 0) return pid;
  close(conversation);
  signal(SIGTERM, on_term);
  if (master >= 0) {
    setsid();
    int slave = open(ptsname(master), O_RDWR);
    for (int number = 0; number < 3; number++) dup2(slave, number);
    close(master);
  }
  if (write(1, "restored\n", 9) < 0) _exit(9);
  if (strstr(behaviour, "short")) _exit(3);
  for (;;) pause();
}

static void restore(const unsigned char* options, const unsigned char* end) {
  const unsigned char* root = NULL;
  long length = field(options, end, 13, &root);
  char path[4096] = "", inside[4200];
  memcpy(path, root, (size_t)length);
  struct stat below, above;
  snprintf(inside, sizeof inside, "%s/..", path);
  stat(path, &below);
  stat(inside, &above);
  snprintf(inside, sizeof inside, "%s/bin/busybox", path);
  fact("root %s\n", access(inside, X_OK) == 0 ? "mounted" : "empty");
  for (int number = 0; number < 8; number++) {
    snprintf(inside, sizeof inside, "/proc/self/fd/%d", number);
    if (number != conversation) show_link(inside);
  }
  char line[4096];
  FILE* cgroups = fopen("/proc/self/cgroup", "r");
  while (fgets(line, sizeof line, cgroups) != NULL) fact("cgroup %s", line);
  fclose(cgroups);
  int master = -1;
  if (strstr(behaviour, "terminal")) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
  }
  if (strstr(behaviour, "early")) {
    answer(2, 0, 22);
    exit(1);
  }
  int pid = restored(master);
  int good = notify("setup-namespaces", pid, -1);
  if (good && master >= 0) good = notify("orphan-pts-master", 0, master);
  if (good) good = notify("post-restore", pid, -1);
  if (good && strstr(behaviour, "late")) good = 0;
  if (!good) kill(pid, SIGKILL);
  answer(2, good, good ? 0 : 5);
  exit(good ? 0 : 1);
}

int main(int count, char** words) {
  FILE* file = at_home("behaviour", "r");
  if (file != NULL) {
    behaviour[fread(behaviour, 1, sizeof behaviour - 1, file)] = 0;
    fclose(file);
  }
  if (count != 3 || strcmp(words[1], "swrk") != 0 || strcmp(words[2], "3") != 0) return 64;
  long size = receive();
  const unsigned char* end = message + size;
  int type = (int)field(message, end, 1, NULL);
  if (strstr(behaviour, "dies")) return 1;
  if (type == 10) {
    int version = number_of("version ", 31700);
    unsigned char data[] = {8, 10, 16, 1, 82, 6, 8, (unsigned char)(version / 10000), 16, (unsigned char)(version / 100 % 100), 32, (unsigned char)(version % 100)};
    reply(data, sizeof data, -1);
    return 0;
  }
  if (type == 9) {
    unsigned char on = strstr(behaviour, "featureless") == NULL;
    unsigned char data[] = {8, 9, 16, 1, 66, 4, 8, on, 16, on};
    reply(data, sizeof data, -1);
    return 0;
  }
  static unsigned char options[1 << 16];
  const unsigned char* content = NULL;
  long length = field(message, end, 2, &content);
  memcpy(options, content, (size_t)length);
  write_log(options, options + length);
  if (type == 2) restore(options, options + length);
  int failure = number_of("fails ", 0);
  if (failure == 0) {
    notify("pre-dump", 0, -1);
    if (field(options, options + length, 48, NULL) == 1) notify("status-ready", 0, -1);
    notify("post-dump", 0, -1);
    if (type == 1 && field(options, options + length, 3, NULL) != 1) kill((int)field(options, options + length, 2, NULL), SIGKILL);
  }
  answer(type, failure == 0, failure);
  if (type == 4) receive();  // as criu: until the end of the conversation
  return failure == 0 ? 0 : 1;
}
