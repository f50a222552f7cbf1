import { expect, test } from 'vitest'
import { nextTurn, Turns } from '../../lib/turns.ts'

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
