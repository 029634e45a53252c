/** @module What many series have in common is held once and reads as what the rules said. */
import test from 'ava';
import type { TrafficSeries } from '../../../pipeline/model/rules.ts';
import { SharedMeanings } from '../../../receivers/scrape/shared-meanings.ts';
import { bucket, counter, identity, telling, workload } from '../../kit/mesh.ts';

const b = workload('b');
const FIELDS = ['role', 'measure', 'side', 'own', 'peer', 'protocol', 'counts', 'boundMs'] as const;

function fieldsOf(series: TrafficSeries): unknown[] {
  return FIELDS.map((field) => series[field]);
}

test('a shared meaning reads as the one of the rules, but for the name of its group', (t) => {
  const shared = new SharedMeanings();
  const meanings = [
    bucket(5, b, 'client', 'labels of one'),
    bucket(Number.POSITIVE_INFINITY, b, 'client', 'labels of one'),
    bucket(0.5, b, 'server', 'labels of another'),
    bucket(7, b, 'client', ''),
    telling(bucket(1, b, 'server', 'labels of a third'), {
      own: identity('web'),
      counts: 'requests',
      protocol: 'grpc',
    }),
    telling(counter('latency_sum_ms', b), { group: 'labels of one' }),
    counter('success', b),
  ] as TrafficSeries[];
  const results = meanings.map((meaning) => shared.share(meaning) as TrafficSeries);
  t.deepEqual(results.map(fieldsOf), meanings.map(fieldsOf));
  t.deepEqual(
    results.map(({ group }) => group),
    ['1', '1', '2', '', '3', '1', ''],
  );
});

test('what series have in common is one object, and what differs in one name is not', (t) => {
  const shared = new SharedMeanings();
  const share = (own: string, group: string) =>
    shared.share(telling(bucket(5, workload('b'), 'client', group), { own: identity(own) })) as TrafficSeries;
  const [one, two, other] = [share('web', 'x'), share('web', 'y'), share('cart', 'z')];
  t.is(one.own, two.own);
  t.is(one.peer, two.peer);
  t.is(one.peer, other.peer);
  t.not(one.own, other.own);
});

test('what no series refers to any more is forgotten, and no short name is given twice', (t) => {
  const shared = new SharedMeanings();
  const share = (group: string) => shared.share(bucket(5, workload('b'), 'client', group)) as TrafficSeries;
  const [kept] = [share('x'), share('y')];
  shared.keep([kept]);
  t.is(share('x').group, kept.group);
  t.is(share('x').peer, kept.peer);
  t.is(share('y').group, '3');
});
