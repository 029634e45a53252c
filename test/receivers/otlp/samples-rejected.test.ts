/**
 * @module What the sender of a mesh's points hears of those that are not taken: how many points, why, of which family, one of
 * them, and what mends it, over each protocol; and that it hears nothing of what is ordinary.
 */
import test from 'ava';
import { RejectedPoints } from '../../../receivers/otlp/samples-rejected.ts';
import { type Answer, PROTOCOLS, startReceiver } from './samples-receiver.ts';
import {
  attributesOf,
  CUMULATIVE,
  DELTA,
  gauge,
  histogram,
  OUTBOUND,
  PROXY,
  requestOf,
  sum,
  WATCH_MS,
} from './samples-stage.ts';

const REQUESTS = 'response_total';
const LATENCY = 'response_latency_ms';
const AT = { at: 5 };
/** Another series of the same family. */
const toPort = (port: number) => ({ ...OUTBOUND, target_port: String(port) });

/** A sum of integers as OTLP/JSON has them. */
function integers(asInt: readonly string[]) {
  const timeUnixNano = `${WATCH_MS + 5000}000000`;
  const dataPoints = asInt.map((one, i) => ({ timeUnixNano, asInt: one, attributes: attributesOf(toPort(i)) }));
  return { name: REQUESTS, sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } };
}

const withoutTime = (metric: object): object => {
  const { sum: data } = metric as { sum: { dataPoints: readonly object[] } };
  const dataPoints = data.dataPoints.map((point) => ({ ...point, timeUnixNano: undefined }));
  return { ...metric, sum: { ...data, dataPoints } };
};

interface Case {
  readonly name: string;
  readonly metrics: readonly object[];
  readonly points: number;
  readonly message: RegExp;
  readonly samples?: object;
}

const NONE = String.raw`no count \(not a number, negative, above 2\^53, or an integer that a double cannot tell\)`;
const PLACE = String.raw`10\.0\.0\.7:4191`;
const CASES: readonly Case[] = [
  {
    name: 'a counter that is NaN, infinite, negative or too large, and integers that are',
    metrics: [
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 2 ** 53 + 2].map((value, i) =>
        sum(REQUESTS, value, AT, toPort(100 + i)),
      ),
      integers(['9007199254740993', '9007199254740994', '9223372036854775807', '-1', '9007199254740992', '0']),
    ],
    points: 9,
    message: new RegExp(
      `^9 data points hold ${NONE} \\(bad_value\\): response_total \\(9\\), for example NaN of ${PLACE}; see what exposes`,
    ),
  },
  {
    name: 'a delta that is negative',
    metrics: [sum(REQUESTS, -5, { at: 5, from: 0, temporality: DELTA })],
    points: 1,
    message: new RegExp(
      `^1 data point holds ${NONE} \\(bad_value\\): response_total \\(1\\), for example -5 of ${PLACE};`,
    ),
  },
  {
    name: 'a histogram the buckets of which come to more than 2^53',
    metrics: [histogram(LATENCY, [2 ** 52, 2 ** 52, 2 ** 10], [10, 50], AT)],
    points: 1,
    message: new RegExp(
      `^1 data point holds ${NONE} \\(bad_value\\): response_latency_ms \\(1\\), for example 90071992547`,
    ),
  },
  {
    name: 'histograms that are none',
    metrics: [
      histogram(LATENCY, [1, 2], [10, 50], AT),
      histogram(LATENCY, [1, 2, 3], [50, 10], AT),
      histogram(LATENCY, [1, 2, 3], [10, Number.POSITIVE_INFINITY], AT),
    ],
    points: 3,
    message: new RegExp(
      `^3 data points are no histograms \\(bad_histogram\\): response_latency_ms \\(3\\), for example 2 bounds and 2 counts of ${PLACE}; bounds ascend`,
    ),
  },
  {
    name: 'a point without a time',
    metrics: [withoutTime(sum(REQUESTS, 1, AT, toPort(1)))],
    points: 1,
    message: new RegExp(
      `^1 data point has no time \\(no_time\\): response_total \\(1\\), for example of ${PLACE}; set time_`,
    ),
  },
  {
    name: 'sums and histograms without a temporality',
    metrics: [
      { ...integers(['1', '2']), sum: { ...integers(['1', '2']).sum, aggregationTemporality: 0 } },
      histogram(LATENCY, [1, 2, 3], [10, 50], { ...AT, temporality: 0 }),
    ],
    points: 3,
    message:
      /^3 data points are of metrics without temporality \(no_temporality\): response_total \(2\), response_latency_ms \(1\), for example of .*; set aggregation_temporality/,
  },
  {
    name: 'attributes that are too long',
    metrics: [sum(REQUESTS, 1, AT, { ...OUTBOUND, dst_pod: 'x'.repeat(600) })],
    points: 1,
    message:
      /^1 data point is beyond samples\.max_attribute_bytes \(attribute_limit\): .*; raise samples\.max_attribute_bytes/,
    samples: { max_attribute_bytes: 512 },
  },
  {
    name: 'too many buckets',
    metrics: [histogram(LATENCY, [1, 2, 3, 4], [1, 2, 3], AT)],
    points: 1,
    message:
      /^1 data point is beyond samples\.max_buckets \(bucket_limit\): .*; raise samples\.max_buckets of the receiver/,
    samples: { max_buckets: 3 },
  },
  {
    name: 'more series than there is room for',
    metrics: [1, 2, 3].map((port) => sum(REQUESTS, 1, AT, toPort(port))),
    points: 2,
    message:
      /^2 data points are beyond samples\.max_series \(series_limit\): response_total \(2\), .*; raise samples\.max_series/,
    samples: { max_series: 2 },
  },
  {
    name: 'several reasons at once',
    metrics: [
      sum(REQUESTS, -1, AT, toPort(1)),
      withoutTime(sum(REQUESTS, -1, AT, toPort(2))),
      histogram(LATENCY, [1, 2], [10, 50], AT),
    ],
    points: 3,
    message: /^1 data point has no time .*\. 1 data point is no histogram .*\. 1 data point holds no count /,
  },
];

for (const { name, metrics, points, message, samples = {} } of CASES) {
  for (const protocol of PROTOCOLS) {
    test(`${protocol}: ${name}: ${points} told`, async (t) => {
      t.timeout(60_000);
      const { send, books } = await startReceiver(t, samples);
      const good = sum(REQUESTS, 100, AT, toPort(8080));
      const { partialSuccess } = await send(protocol, requestOf([good, ...metrics]));
      t.is(partialSuccess?.rejectedDataPoints, String(points));
      t.regex(partialSuccess?.errorMessage ?? '', message);
      for (const balance of books.values()) t.is(balance.unaccounted, 0);
    });
  }
}

const ordinary: readonly (readonly [name: string, metrics: readonly object[]])[] = [
  ['first sight', [sum(REQUESTS, 100, AT), histogram(LATENCY, [1, 2, 3], [10, 50], AT), gauge('up', 1, AT)]],
  ['the same again', [sum(REQUESTS, 100, AT), histogram(LATENCY, [1, 2, 3], [10, 50], AT), gauge('up', 1, AT)]],
  ['a value that falls', [sum(REQUESTS, 1, { at: 15 }), gauge('up', 1, { at: 15 })]],
  ['a start that is not known', [gauge('process_start_time_seconds', Number.NaN, { at: 15 })]],
  [
    'series that end, known or not, whatever else stands in their points',
    [
      sum(REQUESTS, 0, { at: 25, stale: true }),
      sum(REQUESTS, 0, { at: 25, stale: true }, { ...OUTBOUND, dst_pod: 'x'.repeat(600) }),
      histogram(LATENCY, [], [], { at: 25, stale: true }),
      gauge('up', 1, { at: 25 }),
    ],
  ],
  ['what nobody asks for', [gauge('process_open_fds', Number.NaN, { at: 25 }), sum('tcp_open_total', -1, { at: 25 })]],
  ['a scrape that failed', [gauge('up', 0, { at: 35 }), sum(REQUESTS, 0, { at: 35, stale: true })]],
  ['its end', [gauge('up', 0, { at: 45, stale: true }), sum(REQUESTS, 0, { at: 45, stale: true })]],
];

for (const protocol of PROTOCOLS) {
  test(`${protocol}: of what is ordinary nothing is told`, async (t) => {
    t.timeout(60_000);
    const { send, clock, books } = await startReceiver(t, { max_attribute_bytes: 512 });
    const answers: [string, Answer][] = [];
    for (const [name, metrics] of ordinary) {
      answers.push([name, await send(protocol, requestOf(metrics))]);
      clock.advance(9000);
    }
    t.deepEqual(
      answers,
      ordinary.map(([name]) => [name, {}]),
    );
    for (const balance of books.values()) t.is(balance.unaccounted, 0);
  });
}

test('points of no mesh and bad ones of a mesh are told together, each once', async (t) => {
  const { send } = await startReceiver(t);
  const { partialSuccess } = await send('HTTP protobuf', requestOf([sum(REQUESTS, -1, AT), gauge('up', 1, AT)], PROXY));
  t.is(partialSuccess?.rejectedDataPoints, '1');
  const foreign = requestOf([gauge('disk_used', 1, AT)], { 'service.name': 'disk' });
  const both = Buffer.concat([requestOf([sum(REQUESTS, -1, { at: 15 })]), foreign]);
  const answer = await send('HTTP protobuf', both);
  t.is(answer.partialSuccess?.rejectedDataPoints, '2');
  t.regex(
    answer.partialSuccess?.errorMessage ?? '',
    /1 data point is of a metric that is not taken here: disk_used \(1\)\. 1 data/,
  );
});

test('an example is asked for once for each reason, and reasons that are not told are left out', (t) => {
  const rejected = new RejectedPoints();
  let asked = 0;
  const example = () => `example ${++asked}`;
  rejected.add('no_time', 'a', 1, example);
  rejected.add('no_time', 'b', 2, example);
  rejected.add('mesh_changed', 'c', 4, example);
  rejected.add('repeat', 'c', 8, example);
  t.is(rejected.points, 3);
  t.is(
    rejected.message,
    '3 data points have no time (no_time): a (1), b (2), for example example 1; set time_unix_nano',
  );
  t.is(new RejectedPoints().message, '');
});
