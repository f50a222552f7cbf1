// Compiles filters with libseccomp, for the tests that compare nrunc's own compiler with it. Dynamically linked.
//
// "table" prints "ARCHITECTURE NUMBER NAME" for the architecture tokens and names that are read from standard input:
//   a line "TOKEN NAME".
// "compile" reads profiles from standard input, a word a time:
//   filter OPTIMIZE DEFAULT ARCHITECTURES... ; { rule ACTION NAME CONDITIONS [INDEX OP A B]... } end
// and answers each with u32 errno of the first rule that failed (or 0), u32 length, and the program.
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "libseccomp: %s\n", what);
  exit(2);
}

static void answer(scmp_filter_ctx filter, int problem) {
  static char program[1 << 22];
  int memory = memfd_create("bpf", 0);
  int exported = seccomp_export_bpf(filter, memory);
  if (exported < 0) problem = problem ? problem : -exported;
  ssize_t size = exported < 0 ? 0 : pread(memory, program, sizeof program, 0);
  close(memory);
  uint32_t head[2] = {(uint32_t)problem, (uint32_t)size};
  fwrite(head, sizeof head, 1, stdout);
  fwrite(program, 1, (size_t)size, stdout);
}

static void compile(void) {
  char word[128];
  unsigned optimize;
  uint32_t action;
  while (scanf(" %127s", word) == 1) {
    if (strcmp(word, "filter") != 0 || scanf("%u %" SCNu32, &optimize, &action) != 2) fail("filter expected");
    scmp_filter_ctx filter = seccomp_init(action);
    if (filter == NULL) fail("seccomp_init");
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
    int native = 0, problem = 0;
    while (scanf(" %127s", word) == 1 && word[0] != ';') {
      uint32_t token = (uint32_t)strtoul(word, NULL, 0);
      if (token == seccomp_arch_native()) native = 1;
      // The first one of another byte order than the host's can only come in its place.
      int added = seccomp_arch_add(filter, token);
      if (added == -EDOM) {
        seccomp_arch_remove(filter, seccomp_arch_native());
        native = 1;
        added = seccomp_arch_add(filter, token);
      }
      if (added < 0 && added != -EEXIST && problem == 0) problem = -added;
    }
    if (!native) seccomp_arch_remove(filter, seccomp_arch_native());
    while (scanf(" %127s", word) == 1 && strcmp(word, "rule") == 0) {
      struct scmp_arg_cmp conditions[6];
      unsigned count;
      if (scanf("%" SCNu32 " %127s %u", &action, word, &count) != 3 || count > 6) fail("rule expected");
      for (unsigned i = 0; i < count; i++) {
        unsigned index, op;
        if (scanf("%u %u %" SCNu64 " %" SCNu64, &index, &op, &conditions[i].datum_a, &conditions[i].datum_b) != 4) fail("condition");
        conditions[i].arg = index;
        conditions[i].op = op;
      }
      int number = seccomp_syscall_resolve_name(word);
      if (number == __NR_SCMP_ERROR) continue;
      int added = seccomp_rule_add_array(filter, action, number, count, conditions);
      if (added < 0 && problem == 0) problem = -added;
    }
    answer(filter, problem);
    seccomp_release(filter);
  }
}

static void table(void) {
  uint32_t token;
  char name[128];
  while (scanf("%" SCNu32 " %127s", &token, name) == 2) {
    printf("%" PRIu32 " %d %s\n", token, seccomp_syscall_resolve_name_arch(token, name), name);
  }
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "compile") == 0) compile();
  else if (count == 2 && strcmp(words[1], "table") == 0) table();
  else fail("compile or table expected");
  return 0;
}
