/** config.json, from its text to the bytes of the plan, and the plan in words. */
import { explain } from '../lib/explain.ts'
import { encode } from '../lib/plan/encode.ts'
import type { Operation } from '../lib/plan/operations.ts'
import { defaultSpec } from '../lib/spec/defaults.ts'
import { parseJson } from '../lib/spec/parse.ts'
import type { Spec } from '../lib/spec/schema.ts'
import { hostOf, v1, v2 } from '../test/unit/cgroup/samples.ts'
import { root, user } from '../test/unit/plan/samples.ts'
import { fullSpec } from '../test/unit/spec/full-spec.ts'
import { mutate } from './mutate.ts'
import { ends, hashOf, type Target } from './target.ts'

const hosts = [{ host: root, cgroups: hostOf(v1) }, { host: root, cgroups: hostOf(v2) }, { host: user, cgroups: hostOf(v2) }]

/** With what these hosts can do, so that most of the ways through the compiler are open. */
function possible(): unknown {
  const spec = defaultSpec({ cgroupNamespace: true })
  return {
    ...spec,
    hooks: {
      createRuntime: [{ path: '/bin/a', timeout: 3 }], createContainer: [{ path: '/bin/b' }], startContainer: [{ path: '/c', env: ['A=b'] }],
    },
    linux: {
      ...spec.linux, ...(fullSpec as { linux: object }).linux, namespaces: spec.linux?.namespaces, cgroupsPath: '/a/b',
    },
  }
}

/** Steps that are no operation of a plan: Node does them. */
const hooks: readonly string[] = ['prestart', 'createRuntime', 'poststart']

export const config: Target = {
  seeds: [defaultSpec(), fullSpec, possible()],
  change: mutate,
  sources: 'lib/',
  run(text) {
    const choice = hashOf(text)
    return ends(() => {
      const options = { facts: hosts[choice % hosts.length]!, noPivot: choice % 7 === 0 }
      const steps = explain(parseJson(text, 'config.json') as Spec, options)
      for (const by of ['host', 'init'] as const) {
        encode(steps.filter((one) => one.by === by && !hooks.includes(one.step))
          .map(({ step, field, arguments: rest }) => ({ op: step, field, ...rest }) as Operation))
      }
    }, 'plan')
  },
}
