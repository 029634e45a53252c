/** @module A stage that may refuse is asked before anything is offered; stages behind one that takes over are not. */
import test from 'ava';
import type { Observable } from 'rxjs';
import type { Batch, TrafficBatch } from '../../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Consumer, type Processor } from '../../../pipeline/component.ts';
import { Delivery, TAKEN } from '../../../pipeline/delivery.ts';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import { connectPipeline, type PipelineStage } from '../../../pipeline/graph/pipeline.ts';
import { sumOf } from '../../kit/traffic.ts';

const FULL: Admission = { ok: false, reason: 'full', retryAfterMs: 5 };
const fault = { enter() {}, failed() {} };

function stage(verdict: Admission | undefined, takesOver: boolean): PipelineStage {
  const life = { start: async () => {}, stop: async () => {} };
  const asked = verdict === undefined ? {} : { admits: () => verdict };
  const processor: Processor = { ...life, ...asked, stage: (source: Observable<Batch>) => source };
  return { processor, takes: ['traffic'], gives: 'traffic', takesOver, fault };
}

function exit(verdict: Admission): Consumer & { taken: number } {
  return {
    taken: 0,
    admits: () => verdict,
    consume(batch) {
      this.taken += 1;
      batch.delivery.settle(TAKEN);
    },
  };
}

function batch(): TrafficBatch {
  return { body: 'traffic', sum: sumOf([], []), items: 0, delivery: new Delivery() };
}

const CHAINS: readonly (readonly [what: string, stages: PipelineStage[], exit: Admission, expected: Admission])[] = [
  ['no stage: the exit decides', [], FULL, FULL],
  ['a stage that is not asked', [stage(undefined, false)], ADMITTED, ADMITTED],
  ['a stage that refuses', [stage(FULL, false)], ADMITTED, FULL],
  ['a stage that takes over hides the exit', [stage(ADMITTED, true)], FULL, ADMITTED],
  ['a stage that takes over and refuses', [stage(FULL, true)], ADMITTED, FULL],
  ['a stage before one that takes over', [stage(FULL, false), stage(ADMITTED, true)], ADMITTED, FULL],
  ['a stage behind one that takes over', [stage(ADMITTED, true), stage(FULL, false)], ADMITTED, ADMITTED],
];

for (const [what, stages, last, expected] of CHAINS) {
  test(`asked: ${what}`, (t) => {
    t.deepEqual(connectPipeline(stages, exit(last)).admits(batch()), expected);
  });
}

test('two pipelines of which one refuses: neither is offered the batch', (t) => {
  const [one, other] = [exit(ADMITTED), exit(ADMITTED)];
  const branches = [
    { consumer: connectPipeline([stage(ADMITTED, true)], one), fault },
    { consumer: connectPipeline([stage(FULL, true)], other), fault },
  ];
  const offered = batch();
  fanOut(branches).consume(offered);
  t.deepEqual(offered.delivery.outcome, { kind: 'retry', afterMs: 5, reason: 'full' });
  t.is(one.taken + other.taken, 0);
});
