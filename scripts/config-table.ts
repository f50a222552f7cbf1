/** docs/config.md, made from the definition of config.json and the list of its tests. */
import { type Field, fieldsOf } from '../lib/spec/fields.ts'
import { specSchema } from '../lib/spec/schema.ts'
import { cgroupVersion, fieldTests } from '../test/fields.ts'
import { linkTo } from '../test/helpers/titles.ts'

/** The entry of a table that is for FIELD, or for what it is a part of; of several the longest. */
function entryFor<T>(table: Readonly<Record<string, T>>, field: string): T | undefined {
  for (let key = field; key !== ''; key = key.slice(0, key.lastIndexOf('/'))) {
    if (Object.hasOwn(table, key)) return table[key]
  }
  return undefined
}

export interface Row extends Field {
  readonly cgroup: string
  /** As `FILE: TITLE`. */
  readonly tests: readonly string[]
}

export const rows: readonly Row[] = fieldsOf(specSchema).map((field) => {
  const tests = entryFor(fieldTests, field.field) ?? []
  const inCgroup = /^\/linux\/(resources\/|cgroupsPath)/.test(field.field)
  return { ...field, cgroup: entryFor(cgroupVersion, field.field) ?? (inCgroup ? 'v1, v2' : ''), tests }
})

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

const row = ({ field, type, required, cgroup, tests }: Row): string =>
  `| ${code(field)} | ${type}${required ? ', required' : ''} | ${cgroup} | ${tests.map(linkTo).join('<br>')} |`

export const document = `# Fields of config.json

Every field of runtime-spec 1.3, as the validator has it, and the test that shows that it works. In a field \`*\` stands for
any index of a list, or any name of a map; a field is required where what it is a part of is given. The third column says
with which version of cgroups a field of theirs works. Fields that the specification does not have are kept and ignored.

This file is made by \`npm run docs\` from \`lib/spec\` and \`test/fields.ts\`.

| field | type | cgroup | test |
|---|---|---|---|
${rows.map(row).join('\n')}

## Annotations that change how a container is made

All others are handed to hooks with the state, and have no effect.

| annotation | effect |
|---|---|
| \`run.oci.keep_original_groups\` | \`1\`: the process keeps the groups of the caller, whatever \`additionalGids\` says |
| \`run.oci.pidfd_receiver\` | path of an AF_UNIX stream socket that gets a pidfd of the container's process, as \`--pidfd-socket\` |
| \`run.oci.seccomp.receiver\` | path of an AF_UNIX stream socket that gets the listener of the filter of system calls: see [seccomp](seccomp.md) |
| \`run.oci.hooks.stdout\`, \`run.oci.hooks.stderr\` | absolute path of a file of the host that gets what all hooks write, after what is in it; it is not part of their errors then. With \`startContainer\` hooks not for pools |
| \`org.systemd.property.NAME\` | a property of the container's scope, with the systemd driver |
| \`org.criu.config\` | a file with settings for criu, at a checkpoint and a restore; empty: none, see [checkpoint](checkpoint.md) |
`
