/** @module What points tell of the process behind a proxy, uptimes that are behind among them. */
import test from 'ava';
import type { LifeSigns } from '../../../pipeline/model/lives.ts';
import { PageLife } from '../../../receivers/otlp/samples-life.ts';
import { countsOf, createStage, gauge, requestOf, sum } from './samples-stage.ts';

const signs = (told: Partial<LifeSigns>): LifeSigns => ({
  ...{ startSeconds: Number.NaN, uptimeSeconds: Number.NaN, restartEpoch: Number.NaN },
  ...told,
});

test('an uptime tells the earliest start there can be: it may be as old as the proxy writes it', (t) => {
  for (const lagMs of [0, 250, 5000]) {
    const life = new PageLife(lagMs);
    t.is(life.startMs, Number.NEGATIVE_INFINITY);
    life.begin(signs({ uptimeSeconds: 8 }), 100_000, 0);
    t.is(life.startMs, 100_000 - 8000 - lagMs);
  }
});

test('a start is exact, and an uptime beside it tells nothing of when', (t) => {
  const life = new PageLife(5000);
  life.begin(signs({ startSeconds: 90, uptimeSeconds: 3 }), 100_000, 0);
  t.is(life.startMs, 90_000);
});

test('a process that starts after the last word of the one before is new, however short that one was watched', (t) => {
  const life = new PageLife(0);
  life.begin(signs({ startSeconds: 96 }), 97_000, 0);
  t.false(life.isNew(signs({ startSeconds: 96 }), 20_000));
  t.true(life.isNew(signs({ startSeconds: 122 }), 30_000));
  t.false(life.isNew(signs({ startSeconds: 122.9 }), 40_000));
});

test('an uptime that stood still for a scrape is of a new process, but not within the lag', (t) => {
  for (const [lagMs, isNew] of [
    [0, true],
    [5000, true],
    [9000, false],
  ] as const) {
    const life = new PageLife(lagMs);
    life.begin(signs({ uptimeSeconds: 4 }), 100_000, 0);
    t.is(life.isNew(signs({ uptimeSeconds: 4 }), 10_000), isNew);
  }
});

const UPTIME = 'envoy_server_uptime';
const LABELS = { envoy_cluster_name: 'outbound|80||api.shop.svc.cluster.local', envoy_response_code_class: '2' };
const requests = (name: string, at: number, value: number) =>
  sum('envoy_cluster_upstream_rq_xx', value, { at }, { ...LABELS, envoy_cluster_name: name });

/** Requests counted of a series that only a later part of the first scrape, 15 s after the watch began, tells. */
async function countedOf(uptimeSeconds: number): Promise<number> {
  const stage = await createStage();
  const come = (at: number, metrics: readonly object[]) => {
    stage.goTo(at, 100);
    return stage.send(requestOf(metrics));
  };
  await come(15, [gauge(UPTIME, uptimeSeconds, { at: 15 }), requests('one', 15, 0)]);
  await come(15, [requests('other', 15, 100)]);
  await come(25, [gauge(UPTIME, uptimeSeconds + 10, { at: 25 }), requests('one', 25, 0), requests('other', 25, 100)]);
  stage.clock.advance(40_000);
  return countsOf(stage.sums).reduce((all, { count }) => all + count, 0);
}

// Envoy writes its uptime every 5 s, so one of 15 s ago may be of 20 s ago; less than a second before the watch is within it.
for (const [uptimeSeconds, count] of [
  [8, 100],
  [10, 100],
  [11, 0],
  [15, 0],
  [3600, 0],
] as const) {
  test(`an Envoy of ${uptimeSeconds} s at its first scrape: a series told in its second part counts ${count}`, async (t) => {
    t.is(await countedOf(uptimeSeconds), count);
  });
}
