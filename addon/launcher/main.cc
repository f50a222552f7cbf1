// The command `nrunc`: finds Node and becomes it, with bin/nrunc.cjs as its program, or with a start image in which that
// is loaded already.
//
// Runs as the process that the caller started, before Node; freestanding like init. The words for Node that make it start
// sooner are used with exactly the Node that they were tried with: another one might refuse them.
//
// What Node would read from the environment (NODE_OPTIONS, NODE_EXTRA_CA_CERTS, ...) is left out of it: a runtime does
// what its command line says, and a hook or a caller's setting for its own scripts is not meant for it.

#include "init/memory.h"
#include "sys/fd.h"
#include "sys/kernel.h"

namespace {

constexpr u32 kMostWords = 8;
constexpr Text kUsualPath = "/usr/local/bin:/usr/bin:/bin";

struct Process {
  long argument_count;
  char** arguments;
  char** environment;

  explicit Process(long* stack) : argument_count(stack[0]), arguments(reinterpret_cast<char**>(stack + 1)) {
    environment = arguments + argument_count + 1;
  }
};

[[noreturn]] void leave(int code) {
  CALL(exit_group, code);
  __builtin_unreachable();
}

[[noreturn]] void refuse(Text message) {
  CALL(write, 2, "nrunc: ", 7ul);
  CALL(write, 2, message.data, static_cast<u64>(message.size));
  CALL(write, 2, "\n", 1ul);
  leave(1);
}

// The directory of the package: the launcher is in a directory right below it.
void find_package(PathBuffer& root) {
  sys::Call length = CALL(readlinkat, AT_FDCWD, "/proc/self/exe", root.data, static_cast<u64>(kPathMax - 1));
  if (length.failed()) refuse("cannot read /proc/self/exe");
  u32 size = static_cast<u32>(length.value);
  for (int cut = 0; cut < 2; cut++) {
    while (size > 0 && root.data[size - 1] != '/') size--;
    if (size > 0) size--;
  }
  root.truncate(size);
}

bool executable(const char* path) { return !CALL(faccessat, AT_FDCWD, path, 1 /* X_OK */).failed(); }
bool readable(const char* path) { return !CALL(faccessat, AT_FDCWD, path, 4 /* R_OK */).failed(); }

// dist/launch, written by scripts/launcher.mjs. Lines: size and time of a Node in bytes and seconds; its path; the name of
// its start image in dist, or nothing; words for it, each of them a line.
struct Record {
  char data[kPathMax + 512];
  Text identity, node, snapshot;
  const char* words[kMostWords];
  u32 word_count = 0;

  void read(Text root) {
    PathBuffer path;
    path.add(root).add("/dist/launch");
    Fd file;
    if (!file.take(CALL(openat, AT_FDCWD, path.data, O_RDONLY | O_CLOEXEC, 0)).ok()) return;
    sys::Call got = CALL(read, file.get(), data, static_cast<u64>(sizeof data - 1));
    if (got.failed()) return;
    u32 line = 0;
    for (u32 at = 0, start = 0; at < static_cast<u32>(got.value); at++) {
      if (data[at] != '\n') continue;
      data[at] = 0;
      take(line++, Text(data + start, at - start));
      start = at + 1;
    }
  }

 private:
  void take(u32 line, Text text) {
    if (line == 0) identity = text;
    else if (line == 1) node = text;
    else if (line == 2) snapshot = text;
    else if (word_count < kMostWords) words[word_count++] = text.data;
  }
};

bool is_same(const char* node, Text identity) {
  struct statx facts;
  if (CALL(statx, AT_FDCWD, node, 0, STATX_SIZE | STATX_MTIME, &facts).failed()) return false;
  TextBuffer<64> found;
  found.add_number(facts.stx_size).add(" ").add_number(static_cast<u64>(facts.stx_mtime.tv_sec));
  return found.text().equals(identity);
}

Text variable(const Process& process, Text name) {
  for (char** entry = process.environment; *entry != nullptr; entry++) {
    Text text(*entry);
    if (text.starts_with(name)) return Text(text.data + name.size, text.size - name.size);
  }
  return {};
}

bool search(Text directories, PathBuffer& found) {
  u32 from = 0;
  for (u32 at = 0; at <= directories.size; at++) {
    if (at < directories.size && directories.data[at] != ':') continue;
    found.truncate(0);
    found.add(Text(directories.data + from, at - from)).add("/node");
    from = at + 1;
    if (found.data[0] == '/' && !found.overflow && executable(found.data)) return true;
  }
  return false;
}

// The Node that built the command line; else the first one of PATH, or of where such programs stand.
void find_node(const Process& process, const Record& record, PathBuffer& node) {
  node.add(record.node);
  if (!record.node.empty() && executable(node.data)) return;
  if (search(variable(process, "PATH="), node) || search(kUsualPath, node)) return;
  refuse("cannot find Node.js (node) in PATH");
}

void forget_node_variables(char** environment) {
  char** kept = environment;
  for (char** entry = environment; *entry != nullptr; entry++) {
    if (!Text(*entry).starts_with("NODE_")) *kept++ = *entry;
  }
  *kept = nullptr;
}

[[noreturn]] void become(const Process& process, const PathBuffer& node, const Record& record, Text root) {
  PathBuffer script, snapshot;
  script.add(root).add("/bin/nrunc.cjs");
  // The name, words for Node, its start image and the end of its words, the script, the caller's words, the end.
  auto** words = static_cast<const char**>(__builtin_alloca((process.argument_count + kMostWords + 6) * sizeof(char*)));
  u32 count = 0;
  words[count++] = "nrunc";
  if (is_same(node.data, record.identity)) {
    for (u32 i = 0; i < record.word_count; i++) words[count++] = record.words[i];
    snapshot.add(root).add("/dist/").add(record.snapshot);
    if (!record.snapshot.empty() && readable(snapshot.data)) {
      words[count++] = "--snapshot-blob";
      words[count++] = snapshot.data;
      words[count++] = "--";
    }
  }
  words[count++] = script.data;
  for (long i = 1; i < process.argument_count; i++) words[count++] = process.arguments[i];
  words[count] = nullptr;
  CALL(execve, node.data, words, process.environment);
  PathBuffer message;
  refuse(message.add("cannot execute ").add(node.text()).text());
}

}  // namespace

extern "C" [[noreturn]] void launcher_main(long* stack) {
  seed_stack_guard(stack);
  Process process(stack);
  PathBuffer root, node;
  Record record;
  find_package(root);
  record.read(root.text());
  find_node(process, record, node);
  forget_node_variables(process.environment);
  become(process, node, record, root.text());
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call launcher_main\n hlt\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n bl launcher_main\n brk #1\n");
#endif
