/** @module The page of own metrics lists what is registered, no more and no less. */
import test from 'ava';
import { joinMetrics, metricsOf, metricsPage } from '../../bin/docs/metrics-page.ts';
import { registerBalances } from '../../pipeline/telemetry/balance-metrics.ts';
import { createMeters } from '../../pipeline/telemetry/otel-meters.ts';
import { registerProcessMetrics } from '../../pipeline/telemetry/process-metrics.ts';
import { readRepositoryFile } from '../kit/repository.ts';

const PAGE = 'docs/reference/metrics.md';

test('what the core registers is on the page', (t) => {
  const meters = createMeters();
  t.teardown(registerProcessMetrics(meters, { version: '1.0.0', startedWallMs: 0 }));
  registerBalances(meters, () => []);
  const page = readRepositoryFile(PAGE);
  t.true(meters.names().length >= 11);
  t.deepEqual(
    meters.names().filter((name) => !page.includes(`| \`${name}\` |`)),
    [],
  );
});

test('registrations are read in all their forms', (t) => {
  const found = metricsOf(
    'a.ts',
    `meters.counter('weir_a_total', 'A.', read);
     meters.gauge(
       'weir_b_items',
       "B's.",
       read,
     );
     const c = settings.meters.seconds('weir_c_seconds', 'It\\'s C.');
     observe('gauge', 'weir_d_items', 'D.', read);
     const rows = [['weir_e_items', 'E.', () => 1], ['weir_f_total', 'F.', () => 2]];`,
  );
  t.deepEqual(
    found.map(({ name, type, help }) => [name, type, help]),
    [
      ['weir_a_total', 'counter', 'A.'],
      ['weir_b_items', 'gauge', "B's."],
      ['weir_c_seconds', 'histogram', "It's C."],
      ['weir_d_items', 'gauge', 'D.'],
      ['weir_e_items', 'gauge', 'E.'],
      ['weir_f_total', 'counter', 'F.'],
    ],
  );
});

test('a help that is no plain text, and a name with two meanings, are errors', (t) => {
  t.throws(() => metricsOf('a.ts', "meters.gauge('weir_a_items', help, read)"), {
    message: /a\.ts: the help of weir_a_items/,
  });
  const one = { name: 'weir_a_items', type: 'gauge', help: 'A.', file: 'a.ts' } as const;
  t.throws(() => joinMetrics([one, { ...one, help: 'B.', file: 'b.ts' }]), {
    message: /differently in a\.ts and b\.ts/,
  });
  t.is(joinMetrics([one, { ...one, file: 'b.ts' }]).length, 1);
  t.regex(metricsPage([{ ...one, help: 'a|b' }]), /\| `weir_a_items` \| gauge \| a\\\|b \|/);
});
