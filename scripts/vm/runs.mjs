// What is tested in the virtual machine, by who runs it: files of test/integration.

/**
 * The kernel's side of cgroup v2, systemd and its bus, AppArmor. `user` is an ordinary user in a scope that is delegated
 * to him, `scopes` is root whose containers are in scopes of systemd, `root` makes the cgroups himself.
 */
export const runs = {
  user: ['delegation'],
  scopes: ['lifecycle', 'exit-and-events', 'events', 'pause', 'update', 'resources', 'exec-cgroup', 'template', 'pool', 'criu'],
  root: [
    'systemd', 'cgroup2', 'cgroup', 'doctor', 'events', 'exit-and-events', 'pause', 'update', 'resources', 'devices', 'exec-cgroup', 'bare-mounts',
    'user-namespace', 'idmap', 'seccomp', 'labels', 'template', 'pool', 'service', 'exec', 'rootless', 'criu',
  ],
}

/** `user delegation root events pause`: these files instead; a file without a name before it is root's. */
export function chosenRuns(words) {
  if (words.length === 0) return runs
  const chosen = {}
  let name = 'root'
  for (const [at, word] of words.entries()) {
    if (Object.hasOwn(runs, word)) {
      name = word
      if (words[at + 1] === undefined || Object.hasOwn(runs, words[at + 1])) chosen[name] = runs[name]
    } else (chosen[name] ??= []).push(word.replace(/\.test\.ts$/, ''))
  }
  return chosen
}
