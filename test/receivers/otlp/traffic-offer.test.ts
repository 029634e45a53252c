/** @module A pipeline that takes a request in part, or changes its mind: nothing counts twice, and its sender hears what is lost. */
import test from 'ava';
import type { Batch, TrafficBatch } from '../../../pipeline/batch.ts';
import { ADMITTED, type Admission } from '../../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import type { SamplesIntake } from '../../../receivers/otlp/samples-share.ts';
import {
  createStage,
  envelope,
  joined,
  request,
  requestOf,
  requestTotals,
  scrapesDue,
  slotSum,
  split,
  takenSums,
} from './metrics-stage.ts';

const ANSWERED = { kind: 'taken', rejectedItems: 0, message: '' } as const;
const FULL = { kind: 'retry', reason: 'max_received', afterMs: 10 } as const;
/** Points of a slot of two edges. */
const POINTS = 17;
const left = (points: number, why: string) => ({
  ...{ kind: 'taken', rejectedItems: points, message: `${points} data points were rejected: ${why}` },
});

/** A request of one sender and two intervals. */
const twoSlots = (seq = 0) => joined(...[0, 1].map((slot) => request(slotSum(slot), envelope(seq))));

/** Traffic that lost the life of its sender on the way. */
function unnumbered(source: string, slot = 0): Uint8Array {
  const text = Buffer.from(request(slotSum(slot), envelope(0, { source }))).toString('latin1');
  return Buffer.from(text.replace('weir.epoch', 'weir.xpoch'), 'latin1');
}

const sourceOf = ({ sender }: TrafficBatch) => sender!.source;
type Stage = ReturnType<typeof createStage>;

/** Says what becomes of each batch, one after another; the last word stays. */
function says({ pipeline }: Stage, ...outcomes: readonly Outcome[]): void {
  let at = 0;
  pipeline.outcome = ({ delivery }) => delivery.settle(outcomes[Math.min(at++, outcomes.length - 1)]!);
}

function booksOf(stage: Stage) {
  const { accepted, delivered, refused, dropped, unaccounted } = stage.balanceOf('traffic');
  return { accepted, delivered, refused, dropped: Object.fromEntries(dropped), unaccounted };
}

test('what is larger than all room is taken whole where nothing else is held', async (t) => {
  const stage = createStage();
  let held = 0;
  const room = {
    *settleLate() {},
    admits: ({ items }: Batch): Admission =>
      held === 0 || held + items <= 5 ? ADMITTED : { ok: false, reason: 'max_received', retryAfterMs: 10 },
    consume(batch: Batch) {
      held += batch.items;
      batch.delivery.settle(TAKEN);
    },
  };
  const pipelines = fanOut([{ consumer: room, fault: { enter() {}, failed: () => t.fail() } as never }]);
  stage.pipeline.admission = (batch) => pipelines.admits(batch);
  stage.pipeline.outcome = (batch) => pipelines.consume(batch);
  t.deepEqual(await stage.intake.take(twoSlots()), ANSWERED);
  t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([0, 1].map((slot) => slotSum(slot))));
  t.deepEqual(
    stage.consumed.map(({ delivery }) => delivery.terms),
    ['open', 'firm'],
  );
  t.deepEqual(booksOf(stage), { accepted: 8, delivered: 8, refused: 0, dropped: {}, unaccounted: 0 });
  t.like(await stage.intake.take(request(slotSum(2), envelope(1))), { kind: 'retry', reason: 'max_received' });
});

test('where the first batch is refused that was asked for, nothing of the request is applied', async (t) => {
  const stage = createStage();
  says(stage, FULL, TAKEN);
  t.deepEqual(await stage.intake.take(twoSlots()), FULL);
  t.is(stage.consumed.length, 1);
  t.deepEqual(booksOf(stage), { accepted: 0, delivered: 0, refused: 8, dropped: {}, unaccounted: 0 });
  t.deepEqual(await stage.intake.take(twoSlots()), ANSWERED);
  t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([0, 1].map((slot) => slotSum(slot))));
  t.true(stage.consumed.every(({ sender }) => !sender!.gap));
});

for (const lost of [FULL, { kind: 'rejected', reason: 'max_received' }] as const) {
  test(`of a sender of which one interval is taken and one is not (${lost.kind}) that is told, and a gap`, async (t) => {
    const stage = createStage();
    says(stage, TAKEN, lost, TAKEN);
    t.deepEqual(await stage.intake.take(twoSlots()), left(POINTS, 'max_received'));
    const books = { accepted: 8, delivered: 4, refused: 0, dropped: { max_received: 4 }, unaccounted: 0 };
    t.deepEqual(booksOf(stage), books);
    t.deepEqual(await stage.intake.take(twoSlots()), ANSWERED, 'a repeat');
    t.is(takenSums(stage.consumed).length, 1);
    await stage.intake.take(request(slotSum(2), envelope(1)));
    t.true(stage.consumed.at(-1)!.sender!.gap);
  });
}

test('a sender that was refused beside one of which a part is lost is told so at once, for it would be told never', async (t) => {
  const stage = createStage();
  says(stage, TAKEN, FULL, FULL, TAKEN);
  const body = joined(twoSlots(), request(slotSum(0), envelope(0, { source: 'agent-2' })));
  t.deepEqual(await stage.intake.take(body), left(2 * POINTS, 'max_received'));
  t.deepEqual(booksOf(stage), { accepted: 12, delivered: 4, refused: 0, dropped: { max_received: 8 }, unaccounted: 0 });
  await stage.intake.take(request(slotSum(1), envelope(1, { source: 'agent-2' })));
  t.is(takenSums(stage.consumed).length, 2);
});

test('what has no number is not handed on once something was refused, and so comes again once', async (t) => {
  const stage = createStage();
  says(stage, FULL, TAKEN);
  const body = () => joined(unnumbered('x'), request(slotSum(0), envelope(0)));
  t.deepEqual(await stage.intake.take(body()), FULL);
  t.deepEqual(stage.consumed.map(sourceOf), ['agent-1']);
  t.deepEqual(booksOf(stage), { accepted: 0, delivered: 0, refused: 8, dropped: {}, unaccounted: 0 });
  t.deepEqual(await stage.intake.take(body()), ANSWERED);
  t.deepEqual(takenSums(stage.consumed).length, 2);
});

test('senders that number nothing are not told to come again when one of them was taken', async (t) => {
  const stage = createStage();
  says(stage, TAKEN, FULL);
  t.deepEqual(await stage.intake.take(joined(unnumbered('x'), unnumbered('y'))), left(POINTS, 'max_received'));
  t.deepEqual(booksOf(stage), { accepted: 8, delivered: 4, refused: 0, dropped: { max_received: 4 }, unaccounted: 0 });
});

test('nor when the refusal comes later', async (t) => {
  const stage = createStage();
  const open: TrafficBatch[] = [];
  stage.pipeline.outcome = (batch) => void open.push(batch);
  const answer = stage.intake.take(joined(unnumbered('x'), request(slotSum(0), envelope(0))));
  for (let i = 0; i < 100; i++) await Promise.resolve();
  t.deepEqual(open.map(sourceOf), ['agent-1', '']);
  open[1]!.delivery.settle(TAKEN);
  open[0]!.delivery.settle(FULL);
  t.deepEqual(await answer, left(POINTS, 'max_received'));
});

test('samples that are refused are no reason to send traffic again that has no number', async (t) => {
  const samples: SamplesIntake = {
    *read() {
      yield;
      const points = new Map([['a', 1]]);
      return {
        ...{ points, isLong: false, whose: () => [], unwanted: new Map(), admits: () => ADMITTED },
        rejected: { points: 0, message: '' },
        *settleLate() {},
        *offer() {
          yield;
          return Promise.resolve<Outcome>(FULL);
        },
      };
    },
    stop() {},
  };
  const metrics = [{ name: 'a', gauge: { dataPoints: [{ timeUnixNano: '1', asInt: '1' }] } }];
  const beside = requestOf({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
  const told = { kind: 'taken', rejectedItems: 1, message: '1 data points were rejected: max_received' };
  t.deepEqual(await createStage({}, samples).intake.take(joined(unnumbered('x'), beside)), told);
  const numbered = joined(request(slotSum(0), envelope(0)), beside);
  t.deepEqual(await createStage({}, samples).intake.take(numbered), FULL);
});

test('samples that are refused are not told twice where some of them are bad beside', async (t) => {
  const samples: SamplesIntake = {
    *read() {
      yield;
      return {
        ...{ points: new Map([['a', 3]]), isLong: false, whose: () => [], unwanted: new Map(), admits: () => ADMITTED },
        rejected: { points: 1, message: '1 is bad' },
        *settleLate() {},
        *offer() {
          yield;
          return Promise.resolve<Outcome>(FULL);
        },
      };
    },
    stop() {},
  };
  const dataPoints = [1, 2, 3].map((asInt) => ({ timeUnixNano: '1', asInt: String(asInt) }));
  const beside = requestOf({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'a', gauge: { dataPoints } }] }] }],
  });
  const message = '2 data points were rejected: max_received. 1 is bad';
  const answer = await createStage({}, samples).intake.take(joined(unnumbered('x'), beside));
  t.deepEqual(answer, { kind: 'taken', rejectedItems: 3, message });
});

// --- Parts of requests that are too large to be put together ----------------------------------------------------------

const SMALL = { traffic: { max_split_points: 1000 } };
/** A part of a request of 1,041 points: 400 of them. */
const partOfLarge = () => split(request(slotSum(0, 130), envelope(0, { source: 'large' })), 400)[0]!;

test('a part of a request too large to be put together is rejected by itself, and the others of its request are taken', async (t) => {
  const stage = createStage(SMALL);
  const [first, second] = split(request(slotSum(0), envelope(0, { source: 'small' })), 6);
  const beside = [request(slotSum(0), envelope(0)), first!, unnumbered('x')];
  const answer = await stage.intake.take(joined(partOfLarge(), ...beside));
  const why = 'the request was split on the way, and has more points than max_split_points';
  t.deepEqual(answer, left(400, why));
  t.deepEqual(stage.consumed.map(sourceOf).sort(), ['', 'agent-1', 'small']);
  t.deepEqual(await stage.intake.take(second!), ANSWERED);
  const all = takenSums(stage.consumed);
  const due = [...scrapesDue([slotSum(0)])].map(([pod, scrapes]) => [pod, 3 * scrapes]);
  t.deepEqual([...scrapesDue(all)], due);
  const { dropped, unaccounted } = booksOf(stage);
  t.deepEqual([Object.keys(dropped), unaccounted], [['split_too_large'], 0]);
  const requests = Object.fromEntries(stage.metric('weir_otlp_traffic_requests_total'));
  t.deepEqual(requests, { rejected: 1, taken: 1, split: 2, unnumbered: 1 });
});

test('one that has just as many points as may be put together is put together', async (t) => {
  const stage = createStage({ traffic: { max_split_points: 1041 } });
  const whole = slotSum(0, 130);
  for (const part of split(request(whole, envelope(0)), 400)) t.deepEqual(await stage.intake.take(part), ANSWERED);
  t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([whole]));
  t.deepEqual(scrapesDue(takenSums(stage.consumed)), scrapesDue([whole]));
  const { dropped, unaccounted } = booksOf(stage);
  t.deepEqual([dropped, unaccounted], [{}, 0]);
});

test('it is booked once its request does not come again', async (t) => {
  const stage = createStage(SMALL);
  says(stage, FULL, TAKEN);
  const body = () => joined(partOfLarge(), request(slotSum(0), envelope(0)));
  t.deepEqual(await stage.intake.take(body()), FULL);
  t.deepEqual(booksOf(stage).dropped, {});
  stage.pipeline.admission = { ok: false, reason: 'max_received', retryAfterMs: 10 };
  t.deepEqual(await stage.intake.take(body()), FULL);
  stage.pipeline.admission = ADMITTED;
  t.like(await stage.intake.take(body()), { kind: 'taken', rejectedItems: 400 });
  const { accepted, dropped, delivered, refused, unaccounted } = booksOf(stage);
  t.deepEqual([accepted, refused], [delivered + dropped.split_too_large!, 2 * accepted]);
  t.is(unaccounted, 0);
});
