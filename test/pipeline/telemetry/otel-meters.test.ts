/** @module Own metrics: what is registered is what is rendered, exactly and for as long as it is there. */
import test from 'ava';
import fc from 'fast-check';
import { createMeters } from '../../../pipeline/telemetry/otel-meters.ts';
import { printable } from '../../../pipeline/wire/printable.ts';

test('counters, gauges and histograms come out as Prometheus text with type and help', async (t) => {
  const meters = createMeters();
  let scrapes = 3;
  meters.counter('weir_scrapes_total', 'Scrapes done.', () => [
    { value: scrapes, attributes: { receiver: 'linkerd' } },
  ]);
  meters.gauge('weir_target_up', 'Whether it answers.', () => [{ value: 1, attributes: { target: 'a:1' } }]);
  const duration = meters.seconds('weir_export_duration_seconds', 'Time of one export.');
  duration.record(0.3, { component: 'kafka' });
  scrapes = 4;
  const lines = (await meters.render()).split('\n');
  for (const line of [
    '# HELP weir_scrapes_total Scrapes done.',
    '# TYPE weir_scrapes_total counter',
    'weir_scrapes_total{receiver="linkerd"} 4',
    '# TYPE weir_target_up gauge',
    'weir_target_up{target="a:1"} 1',
    '# TYPE weir_export_duration_seconds histogram',
    'weir_export_duration_seconds_bucket{component="kafka",le="0.25"} 0',
    'weir_export_duration_seconds_bucket{component="kafka",le="0.5"} 1',
    'weir_export_duration_seconds_sum{component="kafka"} 0.3',
    'weir_export_duration_seconds_count{component="kafka"} 1',
  ]) {
    t.true(lines.includes(line), `missing: ${line}\n${lines.join('\n')}`);
  }
  t.is(lines.at(-1), '');
});

test('what is no longer observed is no longer rendered', async (t) => {
  const meters = createMeters();
  let targets = ['a:1', 'b:1'];
  meters.gauge('weir_target_up', 'Up.', () => targets.map((target) => ({ value: 1, attributes: { target } })));
  t.regex(await meters.render(), /target="a:1"/);
  targets = ['b:1'];
  const later = await meters.render();
  t.notRegex(later, /target="a:1"/);
  t.regex(later, /weir_target_up\{target="b:1"\} 1/);
});

test('two components under one name are joined, equal attributes add up, and each can leave', async (t) => {
  const meters = createMeters();
  const read = (value: number, id: string) => () => [{ value, attributes: { id } }];
  meters.counter('weir_x_total', 'X.', read(1, 'a'));
  const leave = meters.counter('weir_x_total', 'X.', read(2, 'a'));
  meters.counter('weir_x_total', 'X.', read(5, 'b'));
  const text = await meters.render();
  t.regex(text, /^weir_x_total\{id="a"\} 3$/m);
  t.regex(text, /^weir_x_total\{id="b"\} 5$/m);
  t.is(text.match(/# TYPE weir_x_total/g)?.length, 1);
  leave();
  leave();
  t.regex(await meters.render(), /^weir_x_total\{id="a"\} 1$/m);
});

test('a read that throws loses its own metric only, and is counted', async (t) => {
  const meters = createMeters();
  meters.gauge('weir_bad_items', 'Bad.', () => {
    throw new Error('no');
  });
  meters.gauge('weir_good_items', 'Good.', () => [{ value: 7, attributes: {} }]);
  await meters.render();
  const text = await meters.render();
  t.regex(text, /^weir_good_items 7$/m);
  t.notRegex(text, /^weir_bad_items/m);
  const failures = Number(/^weir_metrics_read_failures_total (\d+)$/m.exec(text)?.[1]);
  t.true(failures >= 1);
});

test('beyond the limit the rest is summed in one marked point and the total is kept', async (t) => {
  const meters = createMeters({ seriesLimit: 3 });
  meters.counter('weir_y_total', 'Y.', () =>
    Array.from({ length: 10 }, (_, i) => ({ value: i, attributes: { id: String(i) } })),
  );
  const text = await meters.render();
  const values = [...text.matchAll(/^weir_y_total\{(.*)\} (\d+)$/gm)];
  t.is(values.length, 4);
  t.is(
    values.reduce((sum, match) => sum + Number(match[2]), 0),
    45,
  );
  t.regex(text, /^weir_y_total\{otel_metric_overflow="true"\} 42$/m);
});

const wrongNames = test.macro({
  exec(t, kind: 'counter' | 'gauge' | 'seconds', name: string) {
    t.throws(() => createMeters()[kind](name, 'help', () => []), { message: /does not fit/ });
  },
  title: (_, kind, name) => `a ${kind} named "${name}" is refused`,
});
test(wrongNames, 'counter', 'weir_things');
test(wrongNames, 'gauge', 'weir_things_total');
test(wrongNames, 'seconds', 'weir_export_duration');
test(wrongNames, 'gauge', 'things');
test(wrongNames, 'gauge', 'weir_Things');
test(wrongNames, 'gauge', 'weir__things');

test('one name cannot be two types', (t) => {
  const meters = createMeters();
  meters.gauge('weir_a_seconds', 'A.', () => []);
  t.throws(() => meters.seconds('weir_a_seconds', 'A.'), { message: /another type/ });
  meters.seconds('weir_b_seconds', 'B.');
  t.throws(() => meters.gauge('weir_b_seconds', 'B.', () => []), { message: /another type/ });
  t.deepEqual(meters.names(), ['weir_a_seconds', 'weir_b_seconds', 'weir_metrics_read_failures_total']);
});

test('names from outside stay inside their quotes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (name) => {
      const meters = createMeters();
      meters.gauge('weir_z_items', 'Z.', () => [{ value: 1, attributes: { name } }]);
      const line = (await meters.render()).split('\n').find((text) => text.startsWith('weir_z_items{'));
      const quoted = /^weir_z_items\{name="((?:[^"\\]|\\.)*)"\} 1$/su.exec(line ?? '')?.[1];
      t.is(
        quoted?.replace(/\\(.)/gsu, (_, c: string) => (c === 'n' ? '\n' : c)),
        printable(name),
      );
    }),
    { numRuns: 100 },
  );
});

test('attribute values from labels are shown, not obeyed, and long ones are cut', async (t) => {
  const meters = createMeters();
  const attributes = { pod: 'a\u001b[31mb\u202e\r\u{e0001}', node: 'n'.repeat(10_000) };
  meters.gauge('weir_target_up', 'Up.', () => [{ value: 1, attributes }]);
  meters.seconds('weir_export_duration_seconds', 'Time.').record(1, { component: 'k\u009b1m' });
  const text = await meters.render();
  t.notRegex(text, /[^\n\x20-\x7e…]/u);
  t.true(text.includes('pod="a\\\\x1b[31mb\\\\u202e\\\\x0d\\\\u{e0001}"'), text);
  t.true(text.includes('component="k\\\\x9b1m"'));
  t.true(text.includes(`node="${'n'.repeat(255)}…"`));
});
