import { expect, test } from 'vitest'
import { atOnce, inTurns, nextTurn, type Steps, Turns, workAlone } from '../../lib/turns.ts'

test('what waits for the event loop is called in between', async () => {
  const called: string[] = []
  setImmediate(() => called.push('one'))
  await nextTurn()
  expect(called).toEqual(['one'])
  const turns = new Turns()
  const begun = performance.now()
  while (performance.now() - begun < 2);
  setImmediate(() => called.push('two'))
  await turns.give()
  expect(called).toEqual(['one', 'two'])
})

test('steps: all at once, or in turns when they are long', async () => {
  function* steps(): Steps<string> {
    for (let step = 0; step < 3; step++) {
      for (const begun = performance.now(); performance.now() - begun < 1;);
      yield
    }
    return 'done'
  }
  let turns = 0
  const count = (): void => { turns++; immediate = setImmediate(count) }
  let immediate = setImmediate(count)
  expect([atOnce(steps()), turns]).toEqual(['done', 0])
  expect(await inTurns(steps())).toBe('done')
  clearImmediate(immediate)
  expect(turns).toBeGreaterThanOrEqual(3)
})

test('in a process that does nothing else, from then on, there is one turn', async () => {
  workAlone()
  let called = false
  const immediate = setImmediate(() => { called = true })
  await nextTurn()
  expect(new Turns().due).toBe(false)
  await inTurns(function* () { yield; yield }())
  expect(called).toBe(false)
  clearImmediate(immediate)
})
