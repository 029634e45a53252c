/** @module Late traffic is marked wherever it is told, and only there. */
import test from 'ava';
import { trafficLines } from '../../exporters/debug/lines.ts';
import { encodeReading } from '../../exporters/kafka/encode.ts';
import { frameOf, renderObject } from '../../exporters/smi/render.ts';
import { readTraffic } from '../../pipeline/model/reading.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { parseMessage } from '../kit/schema.ts';
import { covered, own, peer, record, sumOf } from '../kit/traffic.ts';

const web = own('x/web');
const takesBack = covered(web, { scrapesDue: 2, scrapesMissed: -1, coveredSeconds: 40, expectedSeconds: -10 });
const IN_TIME = sumOf([record('client', web, peer('x/api'), 9)], [takesBack]);
const LATE: TrafficSum = { ...IN_TIME, late: true };
const reading = (sum: TrafficSum, revision = 0) =>
  readTraffic(sum, { defaultKind: 'Deployment', windowMs: 30_000, revision });

test('in messages, which keep to their schema also where coverage is taken back', (t) => {
  const options = { source: 's', epoch: '1', firstSeq: 0, cluster: '', defaultKind: 'Deployment', nowMs: 0 };
  const marks = (sum: TrafficSum) =>
    encodeReading(reading(sum), options).map(({ value }) => parseMessage(value)['x-weir'].late);
  t.deepEqual(marks(LATE), [true, true]);
  t.deepEqual(marks(IN_TIME), [undefined, undefined]);
});

test('in lines for people', (t) => {
  t.regex(trafficLines(LATE, reading(LATE), 'basic'), / late\n$/);
  t.notRegex(trafficLines(IN_TIME, reading(IN_TIME), 'basic'), /late/);
});

test('the SMI API tells how often the slots of a window were amended, when they were', (t) => {
  const extension = (revision: number) => {
    const read = reading(IN_TIME, revision);
    const item = read.workloads.find(({ resource }) => resource.name === 'api')!;
    return JSON.parse(renderObject(frameOf(read, 'v1alpha2'), item))['x-weir'];
  };
  t.is(extension(3).revision, 3);
  t.false('revision' in extension(0));
});
