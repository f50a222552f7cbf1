/**
 * Operations of cgroups outside of a spawn: on a worker thread, the event loop goes on.
 */
import { job } from './addon.ts'
import { failureError } from './failure.ts'

/** Execute the operations of an encoded plan, up to the first that fails. @throws NruncError ERR_CGROUP */
export async function prepareCgroup(plan: Uint8Array): Promise<void> {
  const { data } = await job((native, id) => native.prepareCgroup(id, plan))
  if (data.length > 0) throw failureError(data)
}
