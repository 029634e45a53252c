/** @module Requests of metrics that come at the same time, their steps mixed in any way, count as if they came one by one. */
import test from 'ava';
import fc from 'fast-check';
import { ADMITTED } from '../../../pipeline/component.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import type { IntakeAnswer } from '../../../receivers/otlp/intake.ts';
import { createStage, envelope, joined, request, requestTotals, slotSum, split, takenSums } from './metrics-stage.ts';
import { TurnClock } from './turn-clock.ts';

const EDGES = 25;
const RETRY = { kind: 'retry', afterMs: 5, reason: 'full' } as const;

type Kind = 'whole' | 'split' | 'several';
interface Sent {
  readonly kind: Kind;
  readonly times: number;
}

/** Bodies by which request `seq` comes, and the sums in it. */
function bodiesOf({ kind, times }: Sent, seq: number): { bodies: Uint8Array[]; slots: number[] } {
  const slots = kind === 'several' ? [seq * 10, seq * 10 + 1, seq * 10 + 2] : [seq * 10];
  const whole = joined(...slots.map((slot) => request(slotSum(slot, EDGES), envelope(seq))));
  // Where requests were joined, points are told apart one by one, as where one was split.
  const bodies = kind === 'split' ? split(whole, 70) : [whole];
  return { bodies: Array.from({ length: times }, () => bodies).flat(), slots };
}

const sent = fc.record<Sent>({
  kind: fc.constantFrom<Kind>('whole', 'split', 'several'),
  times: fc.integer({ min: 1, max: 2 }),
});
const ends = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });

test('all come at once, in turns of any length, and are refused now and then: each counts once, and the books hold', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { minLength: 1, maxLength: 4 }),
      ends,
      fc.array(fc.constantFrom('taken', 'refused', 'full'), { minLength: 1, maxLength: 7 }),
      async (requests, slices, moods) => {
        const clock = new TurnClock(slices);
        const stage = createStage({}, null, undefined, clock);
        const { pipeline, intake, consumed } = stage;
        let batches = 0;
        const mood = () => moods[batches++ % moods.length];
        let isPatient = true;
        Object.defineProperty(pipeline, 'admission', {
          get: () => (isPatient && mood() === 'refused' ? { ok: false, reason: 'full', retryAfterMs: 5 } : ADMITTED),
        });
        pipeline.outcome = (batch) => batch.delivery.settle(isPatient && mood() === 'full' ? RETRY : TAKEN);
        const all = requests.map(bodiesOf);
        let waiting = all.flatMap(({ bodies }) => bodies);
        for (let tries = 0; waiting.length > 0; tries++) {
          isPatient = tries < 4;
          const answers: IntakeAnswer[] = [];
          const taking = Promise.all(waiting.map(async (body, i) => (answers[i] = await intake.take(body))));
          await clock.end();
          await taking;
          waiting = waiting.filter((_, i) => answers[i]?.kind === 'retry');
        }
        // A sum of which some batches were taken and others refused for good is not among them: none are.
        const expected = all.flatMap(({ slots }) => slots.map((slot) => slotSum(slot, EDGES)));
        const lost = stage.balanceOf('traffic').dropped.get('full') ?? 0;
        if (lost === 0) t.deepEqual(requestTotals(takenSums(consumed)), requestTotals(expected));
        else
          for (const [key, count] of requestTotals(takenSums(consumed))) t.is(requestTotals(expected).get(key), count);
        t.is(stage.balanceOf('traffic').unaccounted, 0);
      },
    ),
    { numRuns: 12 },
  );
});

test('requests are handed on in the order in which they were judged, one after the other', async (t) => {
  await fc.assert(
    fc.asyncProperty(ends, async (slices) => {
      const clock = new TurnClock(slices);
      const { intake, consumed } = createStage({}, null, undefined, clock);
      const all = [0, 1, 2].map((seq) => bodiesOf({ kind: 'several', times: 1 }, seq));
      const taking = Promise.all(all.flatMap(({ bodies }) => bodies).map((body) => intake.take(body)));
      await clock.end();
      await taking;
      const slots = consumed.map(({ sum }) => Math.floor((sum.interval.startMs / 10_000) % 10));
      t.deepEqual(slots.slice(0, 3), slots.slice(3, 6), 'none between those of another');
      t.deepEqual(slots.slice(0, 3), slots.slice(6, 9));
    }),
    { numRuns: 12 },
  );
});

test('a stop in the middle hands on all of a request or nothing of it, and its sender hears which', async (t) => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.constant<boolean[]>([true]), async (rounds, slices) => {
      const clock = new TurnClock(slices);
      const { intake, consumed } = createStage({}, null, undefined, clock);
      const all = [0, 1].map((seq) => bodiesOf({ kind: 'several', times: 1 }, seq));
      const taking = Promise.all(all.flatMap(({ bodies }) => bodies).map((body) => intake.take(body)));
      for (let i = 0; i < rounds; i++) await clock.round();
      const stopped = intake.stop();
      const then = consumed.length;
      await clock.end();
      const answers = await taking;
      t.is(consumed.length, then, 'nothing is handed on to what was stopped');
      const taken = answers.filter(({ kind }) => kind === 'taken').length;
      t.is(consumed.length, 3 * taken);
      for (const answer of answers)
        t.true(answer.kind === 'taken' || (answer.kind === 'retry' && answer.reason === 'stopping'));
      seen.add(`${taken} taken`);
      await Promise.race([stopped, Promise.resolve()]);
    }),
    { numRuns: 61, examples: Array.from({ length: 61 }, (_, i): [number, boolean[]] => [i, [true]]) },
  );
  t.deepEqual([...seen].sort(), ['0 taken', '1 taken', '2 taken']);
});

test('while one waits for what the pipeline decides, others go on', async (t) => {
  const clock = new TurnClock([false]);
  const { intake, pipeline, consumed } = createStage({}, null, undefined, clock);
  pipeline.outcome = () => {};
  const [first, other] = [0, 1].map((seq) => request(slotSum(seq, 1), envelope(seq, { source: `agent-${seq}` })));
  const taking = [intake.take(first!), intake.take(first!), intake.take(other!)];
  await clock.end();
  t.is(consumed.length, 2, 'the first and the other, not the repeat');
  for (const { delivery } of consumed) delivery.settle(TAKEN);
  await clock.end();
  t.deepEqual(
    (await Promise.all(taking)).map(({ kind }) => kind),
    ['taken', 'taken', 'taken'],
  );
  t.is(consumed.length, 2);
});
