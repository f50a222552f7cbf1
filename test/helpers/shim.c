// What conmon and containerd's shim are to a runtime, for tests: shim PROGRAM [ARGUMENT...] inherits the processes that
// PROGRAM leaves behind. For every process that ends it prints "PROGRAM CODE" or "PID CODE" (128 + a signal's number), and
// it ends when there is none left.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 99;
  pid_t program = fork();
  if (program == 0) {
    execvp(words[1], words + 1);
    _exit(98);
  }
  for (;;) {
    int status;
    pid_t ended = wait(&status);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended == program) printf("PROGRAM %d\n", code);
    else printf("%d %d\n", ended, code);
    fflush(stdout);
  }
}
