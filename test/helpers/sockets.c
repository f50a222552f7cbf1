// The other ends of the sockets that a runtime is given, for tests. What happens is said on standard output.
//   sockets receive SOCKET   take one message with a descriptor: "received TEXT COUNT", the Pid line of its fdinfo, and,
//                            when the process behind it has ended, "ended"
//   sockets full SOCKET      a listener whose queue is full: "full"; it accepts once standard input has a byte
//   sockets close SOCKET     accepts, and closes at once: "closed" for each connection
//   sockets stuff SOCKET     accepts, never reads, and sends its root directory as often as there is room: "stuffed"
//   sockets notify SOCKET    a service manager: every datagram as "got TEXT"; BARRIER=1 is answered, and ends it
//   sockets busy SOCKET      the same with a full queue: "full"; it reads once standard input has a byte
//   sockets send SOCKET TEXT a datagram
//   sockets forge PID        errors of the kernel that are none, sent to the rtnetlink socket of a process until that ends, or for 10 s
//   sockets agent SOCKET     answers trapped system calls: "state JSON" of each connection, "call NUMBER ARGUMENT" of each
//                            call; execve and openat go on, of personality(2) the result is 77, others fail with EOPNOTSUPP
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(99);
}

static int open_socket(int type, const char *path, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) fail("path");
  strcpy(address->sun_path, path);
  return socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
}

static int bind_to(int type, const char *path, int backlog) {
  struct sockaddr_un address;
  int fd = open_socket(type, path, &address);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (type == SOCK_STREAM && listen(fd, backlog) != 0) fail("listen");
  puts("listening");
  return fd;
}

// The length of the message, its text and how many descriptors came with it; the last is kept in FD.
static ssize_t take(int from, char *text, size_t room, int *fd, int *count) {
  char control[256];
  struct iovec vector = {text, room - 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  if (size < 0) fail("recvmsg");
  text[size] = 0;
  *count = 0;
  for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
    *count = (int)((one->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fd, CMSG_DATA(one), sizeof *fd);
  }
  return size;
}

static int receive(const char *path) {
  char text[4096], line[256];
  int fd = -1, count = 0, connection = accept(bind_to(SOCK_STREAM, path, 4), NULL, NULL);
  if (connection < 0) fail("accept");
  take(connection, text, sizeof text, &fd, &count);
  printf("received %s %d\n", text, count);
  snprintf(line, sizeof line, "/proc/self/fdinfo/%d", fd);
  FILE *info = fopen(line, "r");
  if (info == NULL) fail(line);
  while (fgets(line, sizeof line, info)) {
    if (strncmp(line, "Pid:", 4) == 0) printf("%s", line);
  }
  struct pollfd wanted = {fd, POLLIN, 0};
  if (poll(&wanted, 1, -1) != 1) fail("poll");
  puts("ended");
  return 0;
}

static int full(const char *path) {
  struct sockaddr_un address;
  char byte;
  int listener = bind_to(SOCK_STREAM, path, 0);
  int first = open_socket(SOCK_STREAM, path, &address);
  if (connect(first, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  puts("full");
  if (read(0, &byte, 1) != 1) return 0;
  close(accept(listener, NULL, NULL));
  int connection = accept(listener, NULL, NULL);
  if (connection < 0) fail("accept");
  puts("accepted");
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}

static int close_all(const char *path) {
  for (int listener = bind_to(SOCK_STREAM, path, 64);;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) fail("accept");
    close(connection);
    puts("closed");
  }
}

static int stuff_all(const char *path) {
  int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int listener = bind_to(SOCK_STREAM, path, 64);;) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vector = {"/", 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &root, sizeof root);
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) fail("accept");
    while (sendmsg(connection, &message, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    puts("stuffed");
  }
}

// seccomp_unotify(2). Each connection brings the descriptor of one process.
static int agent(const char *path) {
  int listener = bind_to(SOCK_STREAM, path, 8), count = 1;
  struct pollfd wanted[64] = {{listener, POLLIN, 0}};
  for (;;) {
    if (poll(wanted, (nfds_t)count, -1) < 0) fail("poll");
    for (int i = count - 1; i > 0; i--) {
      struct seccomp_notif call = {0};
      if (wanted[i].revents & POLLIN) {
        if (ioctl(wanted[i].fd, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
        printf("call %d %llu\n", call.data.nr, (unsigned long long)call.data.args[0]);
        struct seccomp_notif_resp answer = {.id = call.id};
        if (call.data.nr == SYS_execve || call.data.nr == SYS_openat) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        else if (call.data.nr == SYS_personality) answer.val = 77;
        else answer.error = -EOPNOTSUPP;
        ioctl(wanted[i].fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      } else if (wanted[i].revents) {
        puts("gone");
        close(wanted[i].fd);
        wanted[i] = wanted[--count];
      }
    }
    if (wanted[0].revents == 0 || count == 64) continue;
    char text[4096];
    int fd = -1, descriptors = 0, connection = accept(listener, NULL, NULL);
    take(connection, text, sizeof text, &fd, &descriptors);
    close(connection);
    printf("state %s\n", text);
    if (descriptors == 1) wanted[count++] = (struct pollfd){fd, POLLIN, 0};
  }
}

static int notify(int listener) {
  int fd = -1, count = 0;
  for (char text[4096];;) {
    take(listener, text, sizeof text, &fd, &count);
    printf("got %s\n", text);
    if (strcmp(text, "BARRIER=1") != 0) continue;
    printf("descriptors %d\n", count);
    close(fd);
    return 0;
  }
}

static int busy(const char *path) {
  struct sockaddr_un address;
  char byte;
  int listener = bind_to(SOCK_DGRAM, path, 0);
  // One of them may have room for fewer than the queue (net.unix.max_dgram_qlen).
  for (int senders = 0; senders < 64; senders++) {
    int fd = open_socket(SOCK_DGRAM, path, &address);
    while (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address) > 0) {
    }
  }
  puts("full");
  return read(0, &byte, 1) == 1 ? notify(listener) : 0;
}

static int send_to(const char *path, const char *text) {
  struct sockaddr_un address;
  int fd = open_socket(SOCK_DGRAM, path, &address);
  if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof address) < 0) fail("sendto");
  return 0;
}

static int forge(pid_t pid) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr body;
  } message = {{sizeof message, NLMSG_ERROR, 0, 0, 0}, {.error = -EXDEV}};
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_pid = (unsigned)pid};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) fail("socket");
  puts("forging");
  alarm(10);
  while (kill(pid, 0) == 0) {
    message.header.nlmsg_seq = message.header.nlmsg_seq % 2 + 1;
    if (sendto(fd, &message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address) < 0 && errno == EPERM) fail("sendto");
  }
  return 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc == 3 && strcmp(argv[1], "receive") == 0) return receive(argv[2]);
  if (argc == 3 && strcmp(argv[1], "full") == 0) return full(argv[2]);
  if (argc == 3 && strcmp(argv[1], "close") == 0) return close_all(argv[2]);
  if (argc == 3 && strcmp(argv[1], "stuff") == 0) return stuff_all(argv[2]);
  if (argc == 3 && strcmp(argv[1], "agent") == 0) return agent(argv[2]);
  if (argc == 3 && strcmp(argv[1], "notify") == 0) return notify(bind_to(SOCK_DGRAM, argv[2], 0));
  if (argc == 3 && strcmp(argv[1], "busy") == 0) return busy(argv[2]);
  if (argc == 3 && strcmp(argv[1], "forge") == 0) return forge(atoi(argv[2]));
  if (argc == 4 && strcmp(argv[1], "send") == 0) return send_to(argv[2], argv[3]);
  fprintf(stderr, "usage: sockets receive|full|close|stuff|notify|busy|agent SOCKET | sockets send SOCKET TEXT | sockets forge PID\n");
  return 99;
}
