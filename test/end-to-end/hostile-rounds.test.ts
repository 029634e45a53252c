/**
 * @module The same attacks round after round against one process, whose memory must come back to what it was: what one attack
 * leaves behind adds up. The soak asks for more rounds, and for all attacks as long as the threat model has them.
 */
import test from 'ava';
import { budget } from '../kit/budget.ts';
import { Victim } from '../kit/otlp-victim.ts';
import { ATTACKS, type AttackName } from '../kit/otlp-victim-attacks.ts';
import { assertUnharmed } from '../kit/otlp-victim-checks.ts';

const MIB = 2 ** 20;
/** With more room the engine lets garbage of many rounds lie, which looks like growth. */
const HEAP_MIB = 128;
const USUAL_ROUNDS = 4;
/** The first finds the size that memory has under attack. */
const FIRST_ROUNDS = 1;
/** What the lowest memory of the later rounds may be above that of the earlier ones: garbage that was not collected yet. */
const FLAT_MIB = 32;
/** Quick ones, of each kind one. */
const QUICK: readonly AttackName[] = [
  'wrong compression',
  'broken protobuf',
  'broken JSON',
  'large headers',
  'rapid reset',
  'frame floods',
];

test('memory is flat however often attacks come', async (t) => {
  const rounds = budget('attacks', USUAL_ROUNDS);
  const isSoak = rounds > USUAL_ROUNDS;
  const names = isSoak ? (Object.keys(ATTACKS) as AttackName[]) : QUICK;
  t.timeout(isSoak ? rounds * 600_000 : 240_000);
  // Some floods are ended by limits of time alone.
  const quick = isSoak ? {} : { listener: 'header_timeout: 2s, request_timeout: 4s' };
  const victim = await Victim.start({ maxHeapMib: HEAP_MIB, ...quick });
  t.teardown(() => victim.kill());
  const after: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) await victim.attack(name, isSoak ? 'full' : 'short', 0);
    after.push((await victim.memory()) / MIB);
  }
  t.log(`memory after each round, MiB: ${after.map((mib) => mib.toFixed(0)).join(' ')}`);
  const counted = after.slice(FIRST_ROUNDS);
  const half = Math.floor(counted.length / 2);
  const grewMib = Math.min(...counted.slice(half)) - Math.min(...counted.slice(0, half));
  t.true(grewMib < FLAT_MIB, `memory grew by ${grewMib.toFixed(0)} MiB from the earlier rounds to the later`);
  assertUnharmed(t, await victim.end());
});
