/** @module Memory that is used again: only what was given, only when it is given back, and none that is much too large. */
import test from 'ava';
import { SpareMemory } from '../../../pipeline/wire/otlp-traffic.ts';

const bytes = (length: number, of = 7) => new Uint8Array(length).fill(of);

for (const [spareBytes, neededBytes, isUsed] of [
  [100, 100, true],
  [100, 101, false],
  [100, 1, true],
  [65_536, 1, true],
  [80_000, 10_000, true],
  [80_001, 10_000, false],
] as const)
  test(`${spareBytes} bytes that were given back ${isUsed ? 'are' : 'are not'} used for ${neededBytes}`, (t) => {
    const memory = new SpareMemory();
    const first = memory.copy(bytes(spareBytes));
    memory.giveBack(first);
    const second = memory.copy(bytes(neededBytes, 8));
    t.is(second.buffer === first.buffer, isUsed);
    t.deepEqual(second, bytes(neededBytes, 8));
    // Used or let go: nobody else gets it.
    t.not(memory.copy(bytes(1)).buffer, first.buffer);
  });

test('what was not given is not taken back, and what was given stays as it is until then', (t) => {
  const memory = new SpareMemory();
  const content = bytes(50);
  memory.giveBack(content);
  const copy = memory.copy(content);
  t.not(copy.buffer, content.buffer);
  memory.copy(bytes(50, 9));
  t.deepEqual(copy, bytes(50));
});
