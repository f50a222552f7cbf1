// Prints what the installed libseccomp knows of system calls: a line "version MAJOR.MINOR.MICRO", then for each number of
// each architecture "ARCHITECTURE NUMBER NAME", some of them twice. Run by seccomp-tables.mjs; see there.
//
// Numbers from -299 to -100 are libseccomp's for what an architecture has only behind socketcall(2) (-100 - CALL) or
// ipc(2) (-200 - CALL). The other negative numbers are for what it has not at all, and are left out.
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// By their AUDIT_ARCH_* values: an older header does not have the newer names. x32 is SCMP_ARCH_X32.
static const struct { const char *name; unsigned token; } architectures[] = {
    {"X86", 0x40000003},       {"X86_64", 0xc000003e},     {"X32", 0x4000003e},         {"ARM", 0x40000028},
    {"AARCH64", 0xc00000b7},   {"LOONGARCH64", 0xc0000102}, {"M68K", 0x00000004},        {"MIPS", 0x00000008},
    {"MIPS64", 0x80000008},    {"MIPS64N32", 0xa0000008},  {"MIPSEL", 0x40000008},      {"MIPSEL64", 0xc0000008},
    {"MIPSEL64N32", 0xe0000008}, {"PPC", 0x00000014},      {"PPC64", 0x80000015},       {"PPC64LE", 0xc0000015},
    {"S390", 0x00000016},      {"S390X", 0x80000016},      {"SH", 0x4000002a},          {"SHEB", 0x0000002a},
    {"PARISC", 0x0000000f},    {"PARISC64", 0x8000000f},   {"RISCV64", 0xc00000f3},
};
enum { COUNT = sizeof architectures / sizeof *architectures };

// Where numbers can be: the common range, MIPS's three, ARM's private ones, x32's.
static const struct { int first, last; } ranges[] = {
    {0, 2047}, {4000, 6999}, {0xf0000, 0xf00ff}, {0x40000000, 0x400007ff},
};

static char *names[8192];
static int name_count;

static void remember(const char *name) {
  for (int i = 0; i < name_count; i++) if (strcmp(names[i], name) == 0) return;
  names[name_count++] = strdup(name);
}

int main(void) {
  const struct scmp_version *version = seccomp_version();
  printf("version %u.%u.%u\n", version->major, version->minor, version->micro);
  for (int a = 0; a < COUNT; a++) {
    for (unsigned r = 0; r < sizeof ranges / sizeof *ranges; r++) {
      for (int number = ranges[r].first; number <= ranges[r].last; number++) {
        char *name = seccomp_syscall_resolve_num_arch(architectures[a].token, number);
        if (name == NULL) continue;
        remember(name);
        printf("%s %d %s\n", architectures[a].name, number, name);
        free(name);
      }
    }
  }
  // Of names with one number the loop above has the first; and here is what only socketcall and ipc stand for.
  for (int a = 0; a < COUNT; a++) {
    for (int i = 0; i < name_count; i++) {
      const int number = seccomp_syscall_resolve_name_arch(architectures[a].token, names[i]);
      if (number >= -299 && number != -1) printf("%s %d %s\n", architectures[a].name, number, names[i]);
    }
  }
  // What exists only behind socketcall and ipc has no number of its own anywhere.
  for (int a = 0; a < COUNT; a++) {
    for (int number = -299; number <= -100; number++) {
      char *name = seccomp_syscall_resolve_num_arch(architectures[a].token, number);
      if (name == NULL) continue;
      int known = 0;
      for (int i = 0; i < name_count; i++) known |= strcmp(names[i], name) == 0;
      if (!known) printf("%s %d %s\n", architectures[a].name, number, name);
      free(name);
    }
  }
  return 0;
}
