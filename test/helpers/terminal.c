// The user's side of a terminal, for tests. Two ways to get one:
//   terminal pty ROWS COLUMNS PROGRAM [ARGUMENT...]   a new pty with PROGRAM on it; ends as PROGRAM ends
//   terminal console SOCKET                           the pty that a runtime sends to the AF_UNIX socket SOCKET
// What is read from standard input is typed, what the terminal shows is printed. Descriptor 3 takes lines:
//   size ROWS COLUMNS    change the size of the window
//   modes                answered with "modes IFLAG OFLAG CFLAG LFLAG" of the terminal
// and on it is said: "listening", "received NAME BYTES DESCRIPTORS" (console).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL = 3 };

static void fail(const char *what) {
  perror(what);
  exit(99);
}

static void write_all(int fd, const char *data, ssize_t size) {
  while (size > 0) {
    ssize_t written = write(fd, data, (size_t)size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    data += written;
    size -= written;
  }
}

static void set_size(int master, int rows, int columns) {
  struct winsize size = {(unsigned short)rows, (unsigned short)columns, 0, 0};
  if (ioctl(master, TIOCSWINSZ, &size) != 0) fail("TIOCSWINSZ");
}

static void obey(int master, const char *line) {
  int rows, columns;
  struct termios modes;
  if (sscanf(line, "size %d %d", &rows, &columns) == 2) set_size(master, rows, columns);
  else if (strncmp(line, "modes", 5) == 0 && tcgetattr(master, &modes) == 0) {
    dprintf(CONTROL, "modes %x %x %x %x\n", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
  }
}

static void obey_all(int master, int *control) {
  static char text[4096];
  static size_t used;
  ssize_t size = read(*control, text + used, sizeof text - 1 - used);
  if (size <= 0) {
    *control = -1;
    return;
  }
  used += (size_t)size;
  text[used] = 0;
  for (char *end; (end = strchr(text, '\n')) != NULL;) {
    *end = 0;
    obey(master, text);
    used -= (size_t)(end + 1 - text);
    memmove(text, end + 1, used + 1);
  }
}

// Until nobody has the other end open any more.
static void relay(int master) {
  char piece[4096];
  struct pollfd wanted[3] = {{master, POLLIN, 0}, {0, POLLIN, 0}, {CONTROL, POLLIN, 0}};
  for (;;) {
    if (poll(wanted, 3, -1) < 0 && errno != EINTR) fail("poll");
    if (wanted[0].revents) {
      ssize_t size = read(master, piece, sizeof piece);
      if (size <= 0 && errno != EINTR) return;
      write_all(1, piece, size);
    }
    if (wanted[2].revents) obey_all(master, &wanted[2].fd);
    if (wanted[1].revents) {
      ssize_t size = read(0, piece, sizeof piece);
      if (size <= 0) wanted[1].fd = -1;
      else write_all(master, piece, size);
    }
  }
}

static int open_master(int rows, int columns) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) fail("ptmx");
  set_size(master, rows, columns);
  return master;
}

static int run_on_pty(char **argv) {
  int status = 0, master = open_master(atoi(argv[2]), atoi(argv[3]));
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  if (slave < 0) fail("pts");
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (ioctl(slave, TIOCSCTTY, 0) != 0) fail("TIOCSCTTY");
    for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
    close(CONTROL);
    if (slave > 2) close(slave);
    execvp(argv[4], argv + 4);
    fail(argv[4]);
  }
  close(slave);
  relay(master);
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// How many descriptors came with the message; the first goes to MASTER.
static int take_descriptors(struct msghdr *message, int *master) {
  int count = 0;
  for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    count = (int)((one->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(master, CMSG_DATA(one), sizeof *master);
  }
  return count;
}

static int receive_console(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("path");
  strcpy(address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) fail("bind");
  dprintf(CONTROL, "listening\n");
  int connection = accept(listener, NULL, NULL), master = -1;
  if (connection < 0) fail("accept");

  char name[256], control[256];
  struct iovec vector = {name, sizeof name - 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (size < 0) fail("recvmsg");
  name[size] = 0;
  int count = take_descriptors(&message, &master);
  dprintf(CONTROL, "received %s %zd %d\n", name, size, count);
  if (master < 0) return 99;
  relay(master);
  return 0;
}

int main(int argc, char **argv) {
  if (argc >= 5 && strcmp(argv[1], "pty") == 0) return run_on_pty(argv);
  if (argc == 3 && strcmp(argv[1], "console") == 0) return receive_console(argv[2]);
  fprintf(stderr, "usage: terminal pty ROWS COLUMNS PROGRAM [ARGUMENT...] | terminal console SOCKET\n");
  return 99;
}
