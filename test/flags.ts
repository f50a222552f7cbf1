/**
 * Which test shows that a command or one of its flags does what it says: the tables at the end of docs/commands.md (`npm
 * run docs`). A key is `COMMAND`, `COMMAND --FLAG` or, for a flag of the program, `--FLAG`. A value lists tests as `FILE:
 * TITLE`, the file below test/, the title as it stands there.
 */
const runCommand = 'integration/run-command.test.ts'
const execCommand = 'integration/exec-command.test.ts'
const commands = 'integration/commands.test.ts'
const lifeCycle = 'integration/tutorial/life-cycle.test.ts'
const main = 'unit/cli/main.test.ts'
const checkpoint = 'integration/checkpoint.test.ts'
const criu = 'integration/criu.test.ts'

const preserve = [
  `${runCommand}: --preserve-fds passes descriptors on, and only those`, `${runCommand}: --preserve-fds of one that is not open`,
]
const execFlags = [`${execCommand}: --env, --cwd, --user, --additional-gids, --cap, --no-new-privs`]

/** What `create` and `run` share, with what is particular to one of them. */
const creating = (name: string, own: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries({
    bundle: [`${runCommand}: the bundle is the working directory, or a relative --bundle`],
    config: [`${commands}: run --config: another file than config.json, from the working directory on`],
    'preserve-fds': preserve,
    'no-pivot': [`${runCommand}: --no-pivot: the same container by another way`],
    'no-new-keyring': [`${runCommand}: --no-new-keyring`],
    ...own,
  }).map(([flag, tests]) => [`${name} --${flag}`, tests]))

const updating = (test: string, flags: readonly string[]): Record<string, readonly string[]> =>
  Object.fromEntries(flags.map((flag) => [`update --${flag}`, [test]]))

export const flagTests: Readonly<Record<string, readonly string[]>> = {
  '--root': ['integration/lifecycle.test.ts: list() has every container of its root, by id, and no other'],
  '--systemd-cgroup': ['integration/systemd.test.ts: the command line: create, start, exec, ps, delete; the default names'],
  '--cgroup-manager': [
    'integration/systemd.test.ts: with a cgroup namespace too',
    'integration/systemd.test.ts: options that exclude each other, and values that are none',
  ],
  '--rootless': [
    'integration/systemd.test.ts: --rootless: cgroups as those of an ordinary user',
    'integration/systemd.test.ts: options that exclude each other, and values that are none',
  ],
  doctor: ['integration/doctor.test.ts: of a host on which the other tests run: nothing that is needed is missing'],
  'doctor --format': ['integration/doctor.test.ts: without PATH and without a home'],
  '--log': [
    `${commands}: --log with --log-format json: one object for a failure, its message on the standard error, nothing without one`,
    `${runCommand}: a log is appended to`,
  ],
  '--log-format': [`${runCommand}: --debug writes more to the log, in the format that was asked for`],
  '--log-level': [`${commands}: --log-level`],
  '--debug': [`${runCommand}: --debug writes more to the log, in the format that was asked for`],
  '--version': [`${runCommand}: --version: what dockerd reads`],

  checkpoint: [`${checkpoint}: the container is gone afterwards, and the images have what its streams were connected to`, `${criu}: a program counts on where it was, its output too; exec, kill and delete work as before`],
  'checkpoint --image-path': [`${checkpoint}: the default of --image-path is ./checkpoint`],
  'checkpoint --work-path': [`${checkpoint}: --work-path has the log`],
  'checkpoint --leave-running': [`${checkpoint}: --leave-running: it goes on`],
  'checkpoint --pre-dump': [`${checkpoint}: --pre-dump, and --parent-path for what has changed since`],
  'checkpoint --parent-path': [`${checkpoint}: --pre-dump, and --parent-path for what has changed since`],
  'checkpoint --lazy-pages': [`${checkpoint}: --lazy-pages with --status-fd: a zero byte when the server of the pages is ready`],
  'checkpoint --status-fd': [`${checkpoint}: --lazy-pages with --status-fd: a zero byte when the server of the pages is ready`],
  ...Object.fromEntries(['tcp-established', 'ext-unix-sk', 'shell-job', 'file-locks', 'auto-dedup', 'manage-cgroups-mode', 'empty-ns', 'network-lock', 'tcp-skip-in-flight', 'link-remap', 'page-server'].map((flag) =>
    [`checkpoint --${flag}`, [`${checkpoint}: a flag that is on or off is a field of the request`]])),

  completion: ['unit/cli/completion.test.ts: commands, flags and ids'],

  create: [`${lifeCycle}: create and start with sleep 5`, `${runCommand}: create closes everything above the standard streams before it returns`],
  ...creating('create', {
    'console-socket': ['integration/console-socket.test.ts: create: one message with the name and the master, before the program runs'],
    'pidfd-socket': ['integration/pidfd-socket.test.ts: create sends that of init, before it returns'],
    'pid-file': [`${runCommand}: create --pid-file, relative to the working directory`],
  }),

  delete: [`${lifeCycle}: delete takes it away`, `${lifeCycle}: delete of a running container is refused`],
  'delete --force': [`${lifeCycle}: delete --force, of a running one and of none`],
  'delete --regex': [`${commands}: kill --regex and delete --regex`],

  exec: [`${execCommand}: output, input and exit code are the command's`, `${execCommand}: flags after the command are the command's`],
  'exec --cwd': execFlags,
  'exec --env': execFlags,
  'exec --user': [...execFlags, `${execCommand}: a user that is none: %j`],
  'exec --additional-gids': execFlags,
  'exec --cap': execFlags,
  'exec --no-new-privs': execFlags,
  'exec --apparmor': ['unit/cli/exec.test.ts: takes everything from the flags', `${execCommand}: --apparmor without the module is refused`],
  'exec --process-label': ['unit/cli/exec.test.ts: takes everything from the flags', `${execCommand}: --process-label without the module is refused`],
  'exec --console-socket': ['integration/console-socket.test.ts: exec --detach --tty, as podman calls it'],
  'exec --pidfd-socket': ['integration/pidfd-socket.test.ts: exec sends that of the new process'],
  'exec --pid-file': [`${execCommand}: --detach returns at once; --pid-file has the pid`],
  'exec --preserve-fds': [`${execCommand}: --preserve-fds passes descriptors on under their numbers`],
  'exec --tty': ['integration/terminal.test.ts: exec -t: a terminal of its own in a container that has none'],
  'exec --process': [`${execCommand}: --process takes the whole process from a file`],
  'exec --cgroup': [
    'integration/exec-cgroup.test.ts: --cgroup CONTROLLER:PATH',
    "integration/exec-cgroup.test.ts: the container's own by default, and with --cgroup /",
  ],
  'exec --ignore-paused': ['integration/exec-cgroup.test.ts: a paused container: refused, and with --ignore-paused it waits'],
  'exec --detach': [`${execCommand}: --detach returns at once; --pid-file has the pid`],

  explain: ['unit/explain.test.ts: numbered lines'],
  'explain --bundle': ['unit/explain.test.ts: numbered lines'],
  'explain --format': ['unit/explain.test.ts: JSON with exact integers'],

  events: [
    "integration/events.test.ts: events --stats: one line of runc's form",
    'integration/events.test.ts: events goes on, tells of the OOM killer, and ends with the container',
  ],
  'events --interval': [
    'integration/events.test.ts: events goes on, tells of the OOM killer, and ends with the container',
    'integration/events.test.ts: an interval of %s is refused',
  ],
  'events --stats': ["integration/events.test.ts: events --stats: one line of runc's form"],

  features: [`${commands}: features: indented by four spaces, with a newline at the end`],

  kill: [`${lifeCycle}: kill, and delete when list shows it as stopped`],
  'kill --all': [`${commands}: kill --all of a container whose init has ended, as ctr calls it`],
  'kill --regex': [`${commands}: kill --regex and delete --regex`],

  list: [`${commands}: list: the table, the line of JSON, the ids`],
  'list --format': [`${commands}: list: the table, the line of JSON, the ids`, `${main}: of nothing: null, as the empty slice of runc`],
  'list --quiet': [`${commands}: list: the table, the line of JSON, the ids`],

  pause: ['integration/pause.test.ts: pause and resume on the command line'],

  ps: [`${commands}: ps: the lines of ps(1), with its options, or the pids`],
  'ps --format': [`${commands}: ps: the lines of ps(1), with its options, or the pids`],

  restore: [`${checkpoint}: in the foreground: its end is the end of the command, with its code, and it is deleted`, `${criu}: a program counts on where it was, its output too; exec, kill and delete work as before`],
  ...Object.fromEntries(['image-path', 'work-path', 'bundle', 'detach', 'pid-file', 'no-subreaper'].map((flag) =>
    [`restore --${flag}`, [`${checkpoint}: --detach with --pid-file and -no-subreaper, as containerd calls it; the process is in its cgroups`]])),
  ...Object.fromEntries(['tcp-established', 'ext-unix-sk', 'shell-job', 'file-locks', 'auto-dedup', 'manage-cgroups-mode', 'empty-ns', 'network-lock', 'lazy-pages', 'tcp-close', 'lsm-profile', 'lsm-mount-context'].map((flag) =>
    [`restore --${flag}`, [`${checkpoint}: the request: root, mounts, streams, cgroups, and what the flags say`]])),
  'restore --console-socket': [`${checkpoint}: --console-socket gets the master of its terminal`, `${criu}: the command line, with a terminal: the shell is the same, and its terminal is a new one`],
  'restore --no-pivot': [`${checkpoint}: --no-pivot has no effect, and says so`],

  resume: ['integration/pause.test.ts: pause and resume on the command line'],

  run: [`${runCommand}: streams and exit code are the container's, and nothing is left`],
  ...creating('run', {
    'console-socket': ['integration/console-socket.test.ts: run --detach'],
    'pidfd-socket': ['integration/pidfd-socket.test.ts: run'],
    'pid-file': [`${runCommand}: --detach and --pid-file`],
  }),
  'run --detach': [`${runCommand}: --detach and --pid-file`],
  'run --keep': [`${runCommand}: --keep leaves the stopped container`],
  'run --timings': ['integration/timings.test.ts: run --timings writes text, --timings=json one line of JSON, to the standard error'],
  'run --no-subreaper': ['unit/cli/run.test.ts: keeps it with --keep'],

  spec: ['unit/cli/spec.test.ts: writes the default, indented by tabs', 'unit/cli/spec.test.ts: writes over nothing'],
  'spec --bundle': ['unit/cli/spec.test.ts: writes the default, indented by tabs'],
  'spec --file': ['unit/cli/spec.test.ts: writes another file, from the bundle on'],
  'spec --rootless': ['integration/rootless.test.ts: spec --rootless, then --root DIR run'],
  'spec --host': ['integration/rootless.test.ts: the embedded default: spec --host --rootless, run'],

  start: [`${lifeCycle}: start says nothing`, `${lifeCycle}: start again is refused`],

  state: [`${lifeCycle}: state says the same, in two spaces of indentation and without a newline`],

  update: ['integration/update.test.ts: every flag', 'integration/update.test.ts: when a limit is refused, all are as they were, and so is the state'],
  'update --resources': [
    'integration/update.test.ts: from a file, and from the standard input, where zero leaves a limit as it is',
    'integration/update.test.ts: device rules in a file are left alone, as in runc',
  ],
  ...updating('integration/update.test.ts: every flag', [
    'memory', 'memory-swap', 'memory-reservation', 'cpu-period', 'cpu-quota', 'cpu-burst', 'cpu-share', 'cpu-rt-period', 'cpu-idle',
    'cpuset-cpus', 'cpuset-mems', 'pids-limit', 'kernel-memory', 'kernel-memory-tcp',
  ]),
  ...updating('integration/update.test.ts: schemata are refused where there is no resctrl, and nothing is changed', ['l3-cache-schema', 'mem-bw-schema']),
  ...updating('unit/cli/numbers.test.ts: become resources', ['blkio-weight', 'cpu-rt-runtime']),
}
