/** @module Metrics that come over OTLP: traffic is taken once, whatever comes again, in parts or joined; the rest is counted. */
import test from 'ava';
import type { TrafficBatch } from '../../../pipeline/batch.ts';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { ADMITTED } from '../../../pipeline/component.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';
import { MetricsRequest } from '../../../pipeline/wire/otlp-spans.ts';
import {
  decodeTrafficJson,
  MalformedProtobuf,
  OtlpTrafficEncoder,
  TooManyItems,
} from '../../../pipeline/wire/otlp-traffic.ts';
import { MessageBuilder } from '../../../pipeline/wire/protobuf/message-builder.ts';
import { createJsonReading } from '../../../receivers/otlp/json-requests.ts';
import type { SamplesIntake, SamplesShare } from '../../../receivers/otlp/samples-share.ts';
import { createTestClock } from '../../kit/clock.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import {
  createStage,
  envelope,
  joined,
  request,
  requestOf,
  requestTotals,
  SLOT_MS,
  START_MS,
  scrapesDue,
  slotSum,
  split,
  takenSums,
} from './metrics-stage.ts';

const ANSWERED = { kind: 'taken', rejectedItems: 0, message: '' } as const;
const outcomes = ({ metric }: ReturnType<typeof createStage>) =>
  Object.fromEntries(metric('weir_otlp_traffic_requests_total'));

test('a request becomes a batch of what was sent, with its sender', async (t) => {
  const stage = createStage();
  const sum = slotSum(0);
  t.deepEqual(await stage.intake.take(request(sum, envelope(0))), ANSWERED);
  t.is(stage.consumed.length, 1);
  const [batch] = stage.consumed;
  t.deepEqual(batch!.sum, sum);
  t.is(batch!.items, 4);
  t.deepEqual(batch!.sender, { source: 'agent-1', epoch: 'e1', gap: false });
  const books = stage.balanceOf('traffic');
  t.deepEqual([books.accepted, books.delivered, books.unaccounted], [4, 4, 0]);
  t.deepEqual(outcomes(stage), { taken: 1 });
});

test('marks of a sum come through, and a sum without items is told, too', async (t) => {
  const stage = createStage();
  const empty = { ...slotSum(0, 0), partial: true, clockAhead: true, late: true };
  await stage.intake.take(request(empty, envelope(0)));
  t.deepEqual(stage.consumed[0]!.sum, empty);
  t.is(stage.consumed[0]!.items, 0);
});

test('a repeat is filtered, and answered as what was taken', async (t) => {
  const stage = createStage();
  for (let i = 0; i < 3; i++) t.deepEqual(await stage.intake.take(request(slotSum(0), envelope(0))), ANSWERED);
  t.is(stage.consumed.length, 1);
  const books = stage.balanceOf('traffic');
  t.deepEqual([...books.filtered], [['repeat', 8]]);
  t.deepEqual([books.accepted, books.delivered, books.unaccounted], [12, 4, 0]);
  t.deepEqual(outcomes(stage), { taken: 1, repeat: 2 });
});

test('what lies below the window is a repeat with a reason of its own', async (t) => {
  const stage = createStage({ traffic: { repeat_window: 64 } });
  for (const seq of [0, 100, 36]) await stage.intake.take(request(slotSum(seq), envelope(seq)));
  t.deepEqual([...stage.balanceOf('traffic').filtered], [['repeat_too_old', 4]]);
  t.is(stage.consumed.length, 2);
});

test('the first batch after requests that never came tells of the gap', async (t) => {
  const stage = createStage();
  for (const seq of [0, 1, 4, 5]) await stage.intake.take(request(slotSum(seq), envelope(seq)));
  t.deepEqual(
    stage.consumed.map(({ sender }) => sender!.gap),
    [false, false, true, false],
  );
  t.is(stage.metric('weir_otlp_traffic_gaps_total').get('otlp'), 1);
  t.regex(stage.log.lines.map(({ message }) => message).join(), /never came/);
});

test('halves come before lower numbers, and nothing is missing', async (t) => {
  const stage = createStage();
  const sent = [envelope(3, { replaces: [0] }), envelope(4, { replaces: [0] }), envelope(1), envelope(2), envelope(5)];
  for (const [slot, from] of sent.entries()) await stage.intake.take(request(slotSum(slot), from));
  t.is(stage.consumed.length, 5);
  t.true(stage.consumed.every(({ sender }) => !sender!.gap));
});

test('senders, and lives of one, are told apart', async (t) => {
  const stage = createStage();
  const from = [envelope(0), envelope(0, { source: 'agent-2' }), envelope(0, { epoch: 'e2' })];
  for (const one of from) await stage.intake.take(request(slotSum(0), one));
  t.is(stage.consumed.length, 3);
  t.is(stage.metric('weir_otlp_traffic_sources').get('otlp'), 2);
});

for (const [how, asRequests] of [
  ['one after another', (parts: readonly Uint8Array[]) => parts],
  ['joined with what comes after them', (parts: readonly Uint8Array[]) => [joined(...parts)]],
] as const) {
  test(`halves of what was taken whole are repeats that leave no gap, ${how}`, async (t) => {
    const stage = createStage();
    await stage.intake.take(request(slotSum(0), envelope(0)));
    // Its sender never got the answer, and was told that it is too large when it came again.
    const halves = [1, 2].map((seq) => request(slotSum(0, 1), envelope(seq, { replaces: [0] })));
    const later = [3, 4].map((seq) => request(slotSum(seq), envelope(seq)));
    for (const body of asRequests([...halves, ...later])) t.deepEqual(await stage.intake.take(body), ANSWERED);
    t.deepEqual(
      stage.consumed.map(({ sum, sender }) => [(sum.interval.startMs - START_MS) / SLOT_MS, sender!.gap]),
      [
        [0, false],
        [3, false],
        [4, false],
      ],
    );
    t.deepEqual([...stage.balanceOf('traffic').filtered], [['repeat', 4]]);
    t.is(stage.metric('weir_otlp_traffic_gaps_total').get('otlp') ?? 0, 0);
  });
}

/** Traffic of a Weir whose resource lost its epoch on the way. */
function unnumbered(): Buffer {
  const text = Buffer.from(request(slotSum(0), envelope(0))).toString('latin1');
  return Buffer.from(text.replace('weir.epoch', 'weir.xpoch'), 'latin1');
}

test('traffic that does not say who sent it is taken each time, and counted', async (t) => {
  const stage = createStage();
  const bare = requestOf({ resourceMetrics: [] });
  t.deepEqual(await stage.intake.take(bare), ANSWERED);
  for (let i = 0; i < 2; i++) t.deepEqual(await stage.intake.take(unnumbered()), ANSWERED);
  t.is(stage.consumed.length, 2);
  t.deepEqual(stage.consumed[0]!.sender, { source: '', epoch: '', gap: false });
  t.deepEqual(outcomes(stage), { unnumbered: 2 });
});

/** A request of which resource attribute `name` has another value. */
function altered(name: string, value: object): object {
  const decoded = REQUEST_TYPE.decode(request(slotSum(0), envelope(2, { replaces: [0, 1] })));
  const tree = REQUEST_TYPE.toObject(decoded, { longs: String, enums: Number, defaults: false });
  const attributes: { key: string; value: object }[] = tree.resourceMetrics[0].resource.attributes;
  attributes.find(({ key }) => key === name)!.value = value;
  return tree;
}

const READ_AS = {
  seq: 'an integer from 0 to 2^53 - 1',
  replaces: 'a text of at most 64 such integers with a space between',
};

for (const [name, value, found] of [
  ['seq', { intValue: '-1' }, '-1'],
  ['seq', { intValue: '9007199254740993' }, '900719925474099'],
  ['seq', { stringValue: 'seven' }, 'seven'],
  ['replaces', { stringValue: '0 -1 abc 99999999999999999999' }, '0 -1 abc 99999999999999999999'],
  ['replaces', { stringValue: '0 9007199254740993' }, '0 9007199254740993'],
  ['replaces', { stringValue: '' }, ''],
  ['replaces', { intValue: '1' }, '1'],
] as const) {
  test(`a weir.${name} of ${JSON.stringify(value)} is told with what was found, and its traffic is taken`, async (t) => {
    const stage = createStage();
    const tree = altered(`weir.${name}`, value);
    for (let i = 0; i < 3; i++) t.deepEqual(await stage.intake.take(requestOf(tree)), ANSWERED);
    t.deepEqual([...stage.metric('weir_otlp_traffic_unread_attributes_total')], [[`weir.${name}`, 3]]);
    t.deepEqual(outcomes(stage), name === 'seq' ? { unnumbered: 3 } : { taken: 1, repeat: 2 });
    const lines = stage.log.lines.filter(({ message }) => /attribute that cannot be read/.test(message));
    t.is(lines.length, 1);
    const { fields } = lines[0]!;
    t.like(fields, { attribute: `weir.${name}`, expected: READ_AS[name] });
    t.true(String(fields.found).startsWith(found), String(fields.found));
    const { unread } = decodeTrafficJson(JSON.stringify(tree)).resources[0]!;
    t.like(unread, { name: `weir.${name}`, expected: READ_AS[name] });
  });
}

test('what can be read, or is not there, is not told as unread', async (t) => {
  const stage = createStage();
  await stage.intake.take(unnumbered());
  await stage.intake.take(request(slotSum(0), envelope(2, { replaces: [0, 1] })));
  t.deepEqual([...stage.metric('weir_otlp_traffic_unread_attributes_total')], []);
  t.false(JSON.stringify(stage.log.lines).includes('an attribute that cannot be read'));
});

test('a request nobody has room for is refused as a whole and is new when it comes again', async (t) => {
  const stage = createStage();
  stage.pipeline.admission = { ok: false, reason: 'full', retryAfterMs: 700 };
  const body = () => request(slotSum(0), envelope(0));
  t.deepEqual(await stage.intake.take(body()), { kind: 'retry', reason: 'full', afterMs: 700 });
  t.is(stage.consumed.length, 0);
  stage.pipeline.admission = { ok: true };
  stage.pipeline.outcome = { kind: 'retry', reason: 'stopping', afterMs: 50 };
  t.deepEqual(await stage.intake.take(body()), { kind: 'retry', reason: 'stopping', afterMs: 50 });
  const books = stage.balanceOf('traffic');
  t.deepEqual([books.accepted, books.refused], [0, 8]);
  stage.pipeline.outcome = TAKEN;
  t.deepEqual(await stage.intake.take(body()), ANSWERED);
  t.deepEqual([books.accepted, books.delivered, books.unaccounted], [4, 4, 0]);
  t.deepEqual(outcomes(stage), { refused: 2, taken: 1 });
});

for (const [what, body] of [
  ['intervals', () => joined(...[0, 1].map((slot) => request(slotSum(slot), envelope(0))))],
  ['senders, one of them without a number,', () => joined(unnumbered(), request(slotSum(0), envelope(0)))],
] as const) {
  test(`a request of several ${what} is taken as a whole or not at all where the room is too small for all`, async (t) => {
    const stage = createStage();
    stage.pipeline.admission = ({ items }) => (items <= 7 ? ADMITTED : { ok: false, reason: 'full', retryAfterMs: 7 });
    t.deepEqual(await stage.intake.take(body()), { kind: 'retry', reason: 'full', afterMs: 7 });
    t.is(stage.consumed.length, 0);
    stage.pipeline.admission = ({ items }) => (items <= 8 ? ADMITTED : { ok: false, reason: 'full', retryAfterMs: 7 });
    t.deepEqual(await stage.intake.take(body()), ANSWERED);
    const books = stage.balanceOf('traffic');
    t.deepEqual([books.accepted, books.delivered, books.refused, books.unaccounted], [8, 8, 8, 0]);
  });
}

test('a request the pipeline rejects is dropped and counted, and what comes after it tells of a gap', async (t) => {
  const stage = createStage();
  await stage.intake.take(request(slotSum(0), envelope(0)));
  stage.pipeline.outcome = { kind: 'rejected', reason: 'stage_fault' };
  t.deepEqual(await stage.intake.take(request(slotSum(1), envelope(1))), { kind: 'rejected', reason: 'stage_fault' });
  stage.pipeline.outcome = TAKEN;
  await stage.intake.take(request(slotSum(2), envelope(2)));
  t.true(stage.consumed.at(-1)!.sender!.gap);
  const books = stage.balanceOf('traffic');
  t.deepEqual([...books.dropped], [['stage_fault', 4]]);
  t.is(books.unaccounted, 0);
});

test('a joined request of which the pipeline takes a part is asked for again, and that part is a repeat then', async (t) => {
  const stage = createStage();
  const body = () => joined(request(slotSum(0), envelope(0)), request(slotSum(0), envelope(0, { source: 'agent-2' })));
  stage.pipeline.outcome = ({ sender, delivery }) =>
    delivery.settle(sender!.source === 'agent-1' ? TAKEN : { kind: 'retry', reason: 'full', afterMs: 9 });
  t.deepEqual(await stage.intake.take(body()), { kind: 'retry', reason: 'full', afterMs: 9 });
  stage.pipeline.outcome = TAKEN;
  t.deepEqual(await stage.intake.take(body()), ANSWERED);
  t.deepEqual(
    takenSums(stage.consumed).map(({ records }) => records.length),
    [2, 2],
  );
  t.deepEqual([...stage.balanceOf('traffic').filtered], [['repeat', 4]]);
  t.is(stage.balanceOf('traffic').unaccounted, 0);
});

test('of a joined request that is rejected in part the rest counts, and the sender hears how much was rejected', async (t) => {
  const stage = createStage();
  stage.pipeline.outcome = ({ sender, delivery }) =>
    delivery.settle(sender!.source === 'agent-1' ? TAKEN : { kind: 'rejected', reason: 'no' });
  const body = joined(request(slotSum(0), envelope(0)), request(slotSum(0), envelope(0, { source: 'agent-2' })));
  t.deepEqual(await stage.intake.take(body), {
    ...{ kind: 'taken', rejectedItems: 17, message: '17 data points were rejected: no' },
  });
});

test('what is rejected and what is of no mesh are told in one sum', async (t) => {
  const stage = createStage();
  stage.pipeline.outcome = ({ sender, delivery }) =>
    delivery.settle(sender!.source === 'agent-1' ? TAKEN : { kind: 'rejected', reason: 'no' });
  const others = [request(slotSum(0), envelope(0, { source: 'agent-2' })), foreign([gauge('a.b', 2)])];
  t.deepEqual(await stage.intake.take(joined(request(slotSum(0), envelope(0)), ...others)), {
    ...{ kind: 'taken', rejectedItems: 19 },
    message: '17 data points were rejected: no. 2 data points are of metrics that are not taken here: a.b (2)',
  });
});

test('points of a mesh that are no good are told as such, and not among those that the pipeline rejected', async (t) => {
  const share: SamplesShare = {
    ...{ points: new Map([['response_total', 7]]), unwanted: new Map(), isLong: false },
    rejected: { points: 2, message: '2 data points hold no count' },
    ...{ whose: () => [], admits: () => ADMITTED, *settleLate() {} },
    *offer() {
      yield;
      return Promise.resolve({ kind: 'rejected', reason: 'no' });
    },
  };
  const samples: SamplesIntake = {
    *read() {
      yield;
      return share;
    },
    stop() {},
  };
  const stage = createStage({}, samples);
  const body = joined(request(slotSum(0), envelope(0)), foreign([gauge('response_total', 7)]));
  t.deepEqual(await stage.intake.take(body), {
    ...{ kind: 'taken', rejectedItems: 7 },
    message: '5 data points were rejected: no. 2 data points hold no count',
  });
});

for (const waits of [
  [1000, 5000],
  [5000, 1000],
] as const) {
  test(`of parts that are to come again after ${waits.join(' and ')} ms the sender hears the longer wait`, async (t) => {
    const stage = createStage();
    stage.pipeline.outcome = ({ sender, delivery }) =>
      delivery.settle({ kind: 'retry', reason: 'later', afterMs: waits[sender!.source === 'agent-1' ? 0 : 1] });
    const body = joined(request(slotSum(0), envelope(0)), request(slotSum(0), envelope(0, { source: 'agent-2' })));
    t.like(await stage.intake.take(body), { kind: 'retry', afterMs: 5000 });
  });
}

test('requests of one sender that were joined in any order leave no gap', async (t) => {
  const stage = createStage();
  await stage.intake.take(joined(...[2, 0, 1].map((seq) => request(slotSum(seq), envelope(seq)))));
  await stage.intake.take(request(slotSum(3), envelope(3)));
  t.is(stage.consumed.length, 4);
  t.true(stage.consumed.every(({ sender }) => !sender!.gap));
});

test('halves that were joined behind a higher number come first, so that nothing is missing', async (t) => {
  const stage = createStage();
  await stage.intake.take(request(slotSum(0), envelope(0)));
  const later = [envelope(2), envelope(3, { replaces: [1] }), envelope(4, { replaces: [1] })];
  t.deepEqual(await stage.intake.take(joined(...later.map((from, i) => request(slotSum(i + 1), from)))), ANSWERED);
  t.deepEqual(
    stage.consumed.map(({ sum, sender }) => [(sum.interval.startMs - START_MS) / SLOT_MS, sender!.gap]),
    [
      [0, false],
      [2, false],
      [3, false],
      [1, false],
    ],
  );
});

test('while the pipeline has not decided, a repeat waits for what it decides', async (t) => {
  for (const decision of ['taken', 'retry'] as const) {
    const stage = createStage();
    const open: TrafficBatch[] = [];
    stage.pipeline.outcome = (batch) => void open.push(batch);
    const answers = [1, 2, 3].map(() => stage.intake.take(request(slotSum(0), envelope(0))));
    await new Promise((resolve) => setImmediate(resolve));
    t.is(open.length, 1);
    if (decision === 'taken') {
      open[0]!.delivery.settle(TAKEN);
      t.deepEqual(await Promise.all(answers), [ANSWERED, ANSWERED, ANSWERED]);
      t.is(stage.consumed.length, 1);
    } else {
      stage.pipeline.outcome = TAKEN;
      open[0]!.delivery.settle({ kind: 'retry', reason: 'full', afterMs: 5 });
      t.deepEqual(await Promise.all(answers), [{ kind: 'retry', reason: 'full', afterMs: 5 }, ANSWERED, ANSWERED]);
      t.is(takenSums(stage.consumed).length, 1);
    }
    t.is(stage.balanceOf('traffic').unaccounted, 0);
  }
});

test('while the pipeline has not decided on a request, its halves wait for that, and are new when it is refused', async (t) => {
  const stage = createStage();
  const open: TrafficBatch[] = [];
  stage.pipeline.outcome = (batch) => void open.push(batch);
  const whole = stage.intake.take(request(slotSum(0), envelope(0)));
  const halves = [3, 4].map((seq) => stage.intake.take(request(slotSum(0), envelope(seq, { replaces: [0] }))));
  await new Promise((resolve) => setImmediate(resolve));
  t.is(open.length, 1);
  stage.pipeline.outcome = TAKEN;
  open[0]!.delivery.settle({ kind: 'retry', reason: 'full', afterMs: 5 });
  t.deepEqual(await Promise.all([whole, ...halves]), [
    { kind: 'retry', reason: 'full', afterMs: 5 },
    ANSWERED,
    ANSWERED,
  ]);
  t.is(takenSums(stage.consumed).length, 2);
  t.is(stage.balanceOf('traffic').filtered.size, 0);
});

test('several intervals of one request are batches of their own, and count as one request', async (t) => {
  const stage = createStage();
  const body = joined(...[0, 1].map((slot) => request(slotSum(slot), envelope(0))));
  t.deepEqual(await stage.intake.take(body), ANSWERED);
  t.deepEqual(
    stage.consumed.map(({ sum }) => sum.interval.startMs),
    [START_MS, START_MS + SLOT_MS],
  );
});

for (const at of [1, 5, 8, 16]) {
  test(`a request split before its point ${at} is whole again when both parts are there, in any order, and again`, async (t) => {
    for (const order of [
      [0, 1],
      [1, 0],
      [0, 0, 1],
      [1, 1, 0, 0],
      [0, 1, 0, 1, 1],
    ]) {
      const stage = createStage();
      const sum = slotSum(0);
      const parts = split(request(sum, envelope(0)), at);
      for (const part of order) t.deepEqual(await stage.intake.take(parts[part]!), ANSWERED);
      t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([sum]));
      t.deepEqual(scrapesDue(takenSums(stage.consumed)), scrapesDue([sum]));
      t.is(stage.metric('weir_otlp_traffic_split_points').get('otlp'), 0);
      t.is(stage.balanceOf('traffic').unaccounted, 0);
      await stage.intake.take(request(slotSum(1), envelope(1)));
      t.true(stage.consumed.every(({ sender }) => !sender!.gap));
    }
  });
}

test('a repeat that is split otherwise, or not at all, gives just what is missing', async (t) => {
  for (const [first, ...later] of [
    [split(request(slotSum(0), envelope(0)), 6)[0], split(request(slotSum(0), envelope(0)), 3)[1]],
    [split(request(slotSum(0), envelope(0)), 9)[1], request(slotSum(0), envelope(0))],
    [split(request(slotSum(0), envelope(0)), 9)[0], ...split(request(slotSum(0), envelope(0)), 12)],
    [joined(...split(request(slotSum(0), envelope(0)), 9), split(request(slotSum(0), envelope(0)), 5)[1])],
    [joined(request(slotSum(0), envelope(0)), request(slotSum(0), envelope(0)))],
    // As many points as were sent, but the first ones twice.
    [
      joined(split(request(slotSum(0), envelope(0)), 9)[0], split(request(slotSum(0), envelope(0)), 8)[0]),
      split(request(slotSum(0), envelope(0)), 9)[1],
    ],
  ]) {
    const stage = createStage();
    for (const body of [first!, ...later, request(slotSum(0), envelope(0))]) await stage.intake.take(body);
    t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([slotSum(0)]));
    t.deepEqual(scrapesDue(takenSums(stage.consumed)), scrapesDue([slotSum(0)]));
    t.is(stage.metric('weir_otlp_traffic_split_points').get('otlp'), 0);
  }
});

test('a part that is refused is new when it comes again', async (t) => {
  const stage = createStage();
  const parts = split(request(slotSum(0), envelope(0)), 6);
  stage.pipeline.outcome = { kind: 'retry', reason: 'full', afterMs: 5 };
  t.is((await stage.intake.take(parts[0])).kind, 'retry');
  stage.pipeline.outcome = TAKEN;
  for (const part of parts) await stage.intake.take(part);
  t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([slotSum(0)]));
});

test('parts whose rest never comes give way to later ones; that is told as a gap and counted', async (t) => {
  const stage = createStage({ traffic: { max_split_points: 1000 } });
  // 8 points an edge, and that of the interval.
  const parts = (seq: number) => split(request(slotSum(seq, 80), envelope(seq)), 400);
  await stage.intake.take(parts(0)[0]);
  await stage.intake.take(parts(1)[0]);
  t.is(stage.metric('weir_otlp_traffic_split_points').get('otlp'), 800);
  await stage.intake.take(parts(2)[0]);
  t.is(stage.metric('weir_otlp_traffic_split_points').get('otlp'), 800);
  t.is(stage.metric('weir_otlp_traffic_splits_unfinished_total').get('otlp'), 1);
  await stage.intake.take(parts(0)[1]);
  t.is(stage.consumed.length, 3, 'nobody knows any more what of it is there');
  await stage.intake.take(parts(1)[1]);
  await stage.intake.take(request(slotSum(3), envelope(3)));
  t.deepEqual(
    stage.consumed.map(({ sender }) => sender!.gap),
    [false, false, false, false, true],
  );
});

test('a split request that has more points than can be remembered is rejected before any of it is taken', async (t) => {
  const stage = createStage({ traffic: { max_split_points: 1000 } });
  const [part] = split(request(slotSum(0, 130), envelope(0)), 400);
  const answer = await stage.intake.take(part);
  t.is(answer.kind, 'rejected');
  t.is(stage.consumed.length, 0);
  t.is([...stage.balanceOf('traffic').dropped.keys()].join(), 'split_too_large');
  t.is(stage.balanceOf('traffic').unaccounted, 0);
});

test('an older sender that tells no number of points is taken, and its repeat filtered', async (t) => {
  const stage = createStage();
  const text = Buffer.from(request(slotSum(0), envelope(0)))
    .toString('latin1')
    .replace('weir.points', 'weir.xoints');
  for (let i = 0; i < 2; i++) t.deepEqual(await stage.intake.take(Buffer.from(text, 'latin1')), ANSWERED);
  t.is(stage.consumed.length, 1);
});

const point = { timeUnixNano: '1', asInt: '1' };
const bad = (asInt: string) => ({ timeUnixNano: '1', asInt });
const gauge = (name: string, points: number) => ({
  name,
  gauge: { dataPoints: Array.from({ length: points }, () => point) },
});
const foreign = (metrics: object[]) => requestOf({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });

test('other metrics are dropped, counted by name, and told to the sender; traffic beside them is taken', async (t) => {
  const stage = createStage();
  const body = joined(request(slotSum(0), envelope(0)), foreign([gauge('a.b', 2), gauge('c', 1), gauge('a.b', 1)]));
  t.deepEqual(await stage.intake.take(body), {
    kind: 'taken',
    rejectedItems: 4,
    message: '4 data points are of metrics that are not taken here: a.b (3), c (1)',
  });
  t.is(stage.consumed.length, 1);
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), { 'a.b': 3, c: 1 });
  const books = stage.balanceOf('samples');
  t.deepEqual([...books.dropped], [['not_mesh', 4]]);
  t.deepEqual([books.accepted, books.unaccounted], [4, 0]);
});

const metricJson = (metric: object) =>
  Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }));

async function fromJson(json: Buffer): Promise<Uint8Array> {
  const clock = createTestClock(START_MS);
  const limits = { maxItems: 1000, maxDepth: 32 };
  const read = createJsonReading(MetricsRequest, limits, { turns: new Turns(clock), room: new ReceivingRoom(1 << 20) });
  return (await read(json)).bytes;
}

/** A metric of any fields in protobuf, at the place where OTLP has it. */
function metricBytes(write: (metric: MessageBuilder) => MessageBuilder): Uint8Array {
  const scope = new MessageBuilder().message(2, write(new MessageBuilder()).take()).take();
  return new MessageBuilder().message(1, new MessageBuilder().message(2, scope).take()).take();
}

const KIND_OF_ITS_OWN: readonly (readonly [form: string, body: () => Promise<Uint8Array>])[] = [
  ['protobuf', async () => metricBytes((metric) => metric.text(1, 'new.kind').text(14, '\n\0'))],
  ['protobuf of before 1.0', async () => metricBytes((metric) => metric.text(4, '').text(1, 'new.kind'))],
  ['JSON', () => fromJson(metricJson({ name: 'new.kind', shiny: { dataPoints: [{ asInt: 1 }, { asInt: 2 }] } }))],
  ['JSON with the name behind', () => fromJson(metricJson({ exponential_histogram: {}, name: 'new.kind' }))],
];

for (const [form, body] of KIND_OF_ITS_OWN) {
  test(`a metric in ${form} whose data is of a kind nobody here knows counts as one point, and is told`, async (t) => {
    const stage = createStage();
    t.deepEqual(await stage.intake.take(await body()), {
      kind: 'taken',
      rejectedItems: 1,
      message: '1 data point is of a metric that is not taken here: new.kind (1)',
    });
    t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), { 'new.kind': 1 });
    const books = stage.balanceOf('samples');
    t.deepEqual([...books.dropped], [['not_mesh', 1]]);
    t.deepEqual([books.accepted, books.unaccounted], [1, 0]);
  });
}

const WITHOUT_DATA: readonly (readonly [name: string, metric: object])[] = [
  ['a name only', { name: 'empty' }],
  ['all that is no data', { name: 'empty', description: 'd', unit: '1', metadata: [{ key: 'a', value: {} }] }],
  ['a gauge without points', { name: 'empty', gauge: {} }],
  ['texts and numbers that nobody knows', { name: 'empty', more: 'x', and: 5, so: [1], on: null }],
];

for (const [name, metric] of WITHOUT_DATA) {
  test(`a metric that has ${name} is taken and nothing is said of it`, async (t) => {
    const stage = createStage();
    t.deepEqual(await stage.intake.take(await fromJson(metricJson(metric))), ANSWERED);
    t.deepEqual([...stage.metric('weir_otlp_foreign_points_total')], []);
    t.deepEqual([...stage.balanceOf('samples').dropped], []);
  });
}

test('a field nobody knows beside data that is known is passed over', async (t) => {
  const stage = createStage();
  const told = { name: 'known', gauge: { dataPoints: [{ asInt: '1' }, { asInt: '2' }] }, shiny: {} };
  t.like(await stage.intake.take(await fromJson(metricJson(told))), { rejectedItems: 2 });
});

test('values that are no counts are told as such, and not as metrics of others; the rest is taken', async (t) => {
  const stage = createStage();
  const sum = { dataPoints: [bad('-1'), bad('9007199254740993')], aggregationTemporality: 1 };
  const body = joined(request(slotSum(0), envelope(0)), foreign([{ name: 'weir.requests', sum }, gauge('c', 1)]));
  const why = 'not a number, negative, above 2^53, or an integer that a double cannot tell';
  t.deepEqual(await stage.intake.take(body), {
    ...{ kind: 'taken', rejectedItems: 3 },
    message: `1 data point is of a metric that is not taken here: c (1). 2 data points hold no count (${why}): weir.requests (2)`,
  });
  t.deepEqual(requestTotals(takenSums(stage.consumed)), requestTotals([slotSum(0)]));
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_traffic_bad_values_total')), { 'weir.requests': 2 });
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), { c: 1 });
  t.regex(stage.log.lines.map(({ message }) => message).join(), /values that are no counts/);
  const books = stage.balanceOf('samples');
  t.deepEqual([[...books.filtered], [...books.dropped]], [[['bad_value', 2]], [['not_mesh', 1]]]);
  t.deepEqual([books.accepted, books.unaccounted], [3, 0]);
});

test('what points of one request lose that go beyond 2^53 together is counted', async (t) => {
  const stage = createStage();
  const lost = () => stage.metric('weir_otlp_traffic_capped_counts_total').get('otlp');
  const most = request(slotSum(0, 1, 2 ** 53), envelope(0));
  await stage.intake.take(joined(most, request(slotSum(0, 1, 7), envelope(0, { source: 'agent-2' }))));
  t.is(lost(), 0, 'of two senders there are two sums');
  // Without the number of its points nobody knows that it was joined with its own repeat.
  const older = Buffer.from(request(slotSum(0, 1, 2 ** 53), envelope(1)))
    .toString('latin1')
    .replace('weir.points', 'weir.xoints');
  await stage.intake.take(joined(Buffer.from(older, 'latin1'), Buffer.from(older, 'latin1')));
  t.true(lost()! >= 2 ** 53);
});

test('values that are no counts are nothing that is looked through for samples', async (t) => {
  const samples: SamplesIntake = { read: () => t.fail() as never, stop() {} };
  const sum = { dataPoints: [bad('-1')], aggregationTemporality: 1 };
  t.like(await createStage({}, samples).intake.take(foreign([{ name: 'weir.requests', sum }])), { rejectedItems: 1 });
});

test('names of other metrics are few and cannot play tricks', async (t) => {
  const stage = createStage({ traffic: { max_foreign_names: 3 } });
  const names = ['other', '__proto__', 'evil\u202e\n', ...Array.from({ length: 150 }, (_, i) => `name${i}`)];
  const answer = await stage.intake.take(foreign(names.map((name) => gauge(name, 1))));
  t.is(answer.kind === 'taken' && answer.rejectedItems, 153);
  t.true(answer.kind === 'taken' && answer.message.length < 300);
  const totals = stage.metric('weir_otlp_foreign_points_total');
  t.deepEqual([...totals.keys()], ['__proto__', 'evil\\u202e\\x0a', 'name0', 'other']);
  t.is(totals.get('other'), 150);
});

test('running totals are no deltas: they are left out and named', async (t) => {
  const stage = createStage();
  const totals = slotSum(0).records.map((one) => ({ record: one, startMs: START_MS }));
  const body = new OtlpTrafficEncoder().encodeCumulative(totals, START_MS + SLOT_MS, envelope(0));
  const answer = await stage.intake.take(body);
  t.deepEqual(answer, {
    kind: 'taken',
    rejectedItems: 4,
    message: '4 data points are of metrics that are not taken here: weir.requests (4)',
  });
  t.is(stage.consumed.length, 0);
});

test('samples are offered what is foreign; what they take is not dropped, and all is asked before any is handed on', async (t) => {
  const seen: unknown[] = [];
  let room = false;
  const stage = createStage(
    {},
    {
      *read(_body, names) {
        seen.push(new Map(names));
        return {
          points: new Map([['a.b', 3]]),
          unwanted: new Map([['d', 2]]),
          rejected: { points: 0, message: '' },
          ...{ isLong: false, whose: () => [] },
          *settleLate() {},
          admits: () => (room ? { ok: true } : { ok: false, reason: 'series_limit', retryAfterMs: 3 }),
          *offer() {
            seen.push('offered');
            yield;
            return Promise.resolve(TAKEN);
          },
        };
      },
      stop: () => void seen.push('stopped'),
    },
  );
  const body = () => joined(request(slotSum(0), envelope(0)), foreign([gauge('a.b', 3), gauge('c', 1), gauge('d', 2)]));
  t.deepEqual(await stage.intake.take(body()), { kind: 'retry', reason: 'series_limit', afterMs: 3 });
  t.is(stage.consumed.length, 0);
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), {});
  room = true;
  const answer = await stage.intake.take(body());
  t.is(answer.kind === 'taken' && answer.rejectedItems, 1);
  const books = stage.balanceOf('samples');
  t.deepEqual([[...books.filtered], [...books.dropped]], [[['not_wanted', 2]], [['not_mesh', 1]]]);
  t.deepEqual([books.accepted, books.unaccounted], [3, 0]);
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), { c: 1, d: 2 });
  t.is(stage.consumed.length, 1);
  await stage.intake.stop();
  const names = new Map([
    ['a.b', 3],
    ['c', 1],
    ['d', 2],
  ]);
  t.deepEqual(seen, [names, names, 'offered', 'stopped']);
  t.is(stage.registered.size, 0);
});

test('samples of more names than are told apart are not taken for foreign ones', async (t) => {
  const names = Array.from({ length: 150 }, (_, i) => `family${i}`);
  const points = new Map(names.map((name) => [name, 2]));
  const share: SamplesShare = {
    ...{ ...{ isLong: false, whose: () => [] }, points, unwanted: new Map(), admits: () => ADMITTED },
    rejected: { points: 0, message: '' },
    *settleLate() {},
    *offer() {
      yield;
      return Promise.resolve(TAKEN);
    },
  };
  const samples: SamplesIntake = {
    *read() {
      yield;
      return share;
    },
    stop() {},
  };
  const stage = createStage({}, samples);
  t.deepEqual(await stage.intake.take(foreign(names.map((name) => gauge(name, 2)))), ANSWERED);
  const more = foreign([...names, 'x'].map((name) => gauge(name, name === 'family3' || name === 'x' ? 3 : 2)));
  t.like(await stage.intake.take(more), { kind: 'taken', rejectedItems: 4 });
  t.deepEqual(Object.fromEntries(stage.metric('weir_otlp_foreign_points_total')), { family3: 1, other: 3 });
});

test('malformed bytes and too many points are refused with nothing applied', async (t) => {
  const stage = createStage({ max_items_per_request: 17 });
  const whole = request(slotSum(0), envelope(0));
  await t.throwsAsync(stage.intake.take(whole.slice(0, -1)), { instanceOf: MalformedProtobuf });
  await t.throwsAsync(stage.intake.take(joined(whole, Uint8Array.of(0x0a, 5, 1))), { instanceOf: MalformedProtobuf });
  await t.throwsAsync(stage.intake.take(joined(whole, foreign([gauge('x', 1)]))), { instanceOf: TooManyItems });
  t.is(stage.consumed.length, 0);
  t.is(stage.balanceOf('traffic').accepted, 0);
  t.deepEqual(await stage.intake.take(whole), ANSWERED, 'what was refused is new');
  t.is(stage.consumed.length, 1);
});

test('a body is freed once it is applied or refused, before the pipeline has decided, and what was read of it stays', async (t) => {
  const { owner, pipeline, consumed } = createStage();
  let decide = () => {};
  pipeline.outcome = ({ delivery }) => {
    decide = () => delivery.settle(TAKEN);
  };
  const sum = slotSum(0);
  const body = new Uint8Array(request(sum, envelope(0)));
  const answer = owner.take(body);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  t.is(consumed.length, 1);
  t.is(body.buffer.byteLength, 0);
  decide();
  t.deepEqual(await answer, ANSWERED);
  t.deepEqual(requestTotals(takenSums(consumed)), requestTotals([sum]));
  const broken = Uint8Array.of(0x0a, 5, 1);
  await t.throwsAsync(owner.take(broken), { instanceOf: MalformedProtobuf });
  t.is(broken.buffer.byteLength, 0);
});

test('a body that is a part of a larger buffer leaves that as it is', async (t) => {
  const { owner } = createStage();
  const bytes = request(slotSum(0), envelope(0));
  const larger = Uint8Array.from([7, ...bytes]);
  t.deepEqual(await owner.take(larger.subarray(1)), ANSWERED);
  t.deepEqual(larger, Uint8Array.from([7, ...bytes]));
});
