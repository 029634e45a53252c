/** @module What the drop journal hears of requests: whose traffic it was, which metrics, which spans. */
import test from 'ava';
import { Balance, type DropSample } from '../../../pipeline/balance.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { ADMITTED, type ReceiverSettings } from '../../../pipeline/component.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import type { OtlpConfig } from '../../../receivers/otlp/config.ts';
import { createSamplesIntake } from '../../../receivers/otlp/samples-intake.ts';
import { createSpansIntake } from '../../../receivers/otlp/spans-intake.ts';
import { createTestClock } from '../../kit/clock.ts';
import { spansNumbered } from '../../kit/sent-spans.ts';
import { createStage, envelope, joined, request, requestOf, slotSum, split } from './metrics-stage.ts';
import {
  createStage as createSamplesStage,
  SETTLED_MS,
  requestOf as samplesRequest,
  sum,
  tablesOf,
} from './samples-stage.ts';

const REJECTED = { kind: 'rejected', reason: 'stage_fault' } as const;

test('rejected traffic is told with its sender', async (t) => {
  const stage = createStage();
  stage.pipeline.outcome = REJECTED;
  await stage.intake.take(request(slotSum(0), envelope(0, { source: 'node-7' })));
  t.deepEqual(stage.drops, [['stage_fault', 4, { sender: 'node-7' }]]);
});

test('traffic that is taken in part is told with its sender, once for what was not', async (t) => {
  const stage = createStage();
  let number = 0;
  stage.pipeline.outcome = ({ delivery }) => delivery.settle(number++ === 0 ? TAKEN : REJECTED);
  await stage.intake.take(
    joined(request(slotSum(0), envelope(0)), request(slotSum(1, 3), envelope(0, { source: 'node-8' }))),
  );
  t.deepEqual(stage.drops, [['stage_fault', 6, { sender: 'node-8' }]]);
});

test('a part of a request that is too large is told with its sender', async (t) => {
  const stage = createStage({ traffic: { max_split_points: 1000 } });
  const [part] = split(request(slotSum(0, 130), envelope(0)), 400);
  await stage.intake.take(part);
  const [[reason, , sample] = [], ...others] = stage.drops;
  t.deepEqual([reason, sample, others], ['split_too_large', { sender: 'agent-1' }, []]);
});

test('foreign metrics are told by the name of one', async (t) => {
  const stage = createStage();
  const metrics = [{ name: 'cpu.time', gauge: { dataPoints: [{ timeUnixNano: '1', asInt: '1' }] } }];
  await stage.intake.take(requestOf({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }));
  t.deepEqual(stage.drops, [['not_mesh', 1, { metric: 'cpu.time' }]]);
});

test('rejected spans are told by the first of them', async (t) => {
  const told: [reason: string, items: number, sample: DropSample | undefined][] = [];
  const books = new Balance((reason, items, { sample }) => void told.push([reason, items, sample?.()]));
  const next: ReceiverSettings<OtlpConfig>['next'] = {
    admits: () => ADMITTED,
    consume: ({ delivery }) => delivery.settle(REJECTED),
  };
  const settings = { next, balanceOf: () => books } as unknown as ReceiverSettings<OtlpConfig>;
  const intake = createSpansIntake({
    settings,
    limits: { maxItems: 10, maxDepth: 32 },
    turns: new Turns(createTestClock()),
    events: { invalidIds() {}, backwards() {} },
  });
  await intake.take(new Uint8Array(spansNumbered([5, 6]).bytes));
  const [traceId, spanId] = ['5'.padStart(32, '0'), '5'.padStart(16, '0')];
  t.deepEqual(told, [['stage_fault', 2, { traceId, spanId, span: 'GET /', service: '' }]]);
});

test('samples of a Collector that the pipeline rejects are told by their proxy', async (t) => {
  const { clock, settings, balance } = await createSamplesStage();
  const next = { ...settings.next, consume: ({ delivery }: Batch) => delivery.settle(REJECTED) };
  const intake = createSamplesIntake({ ...settings, next }, await tablesOf(settings.config.samples.meshes))!;
  clock.advance(5000);
  const share = inOneGo(intake.read(samplesRequest([sum('response_total', 10, { at: 5 })]), new Map()))!;
  const settled = inOneGo(share.offer(false));
  clock.advance(SETTLED_MS);
  await settled;
  const [[reason, items, sample] = [], ...others] = balance.told;
  t.deepEqual([reason, items, others], ['stage_fault', 1, []]);
  t.regex(sample?.target ?? '', /^\["otlp","linkerd",.*"10\.0\.0\.7:4191"/);
});
