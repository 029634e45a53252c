/** @module The balance of each component can be checked from its metrics. */
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { registerBalances } from '../../../pipeline/telemetry/balance-metrics.ts';
import { createMeters } from '../../../pipeline/telemetry/otel-meters.ts';

function filled(): Balance {
  const balance = new Balance();
  balance.accepted = 100;
  balance.delivered = 40;
  balance.held = 10;
  balance.queued = 5;
  balance.merged = 15;
  balance.filter('own_export', 12);
  balance.drop('queue_full', 18);
  balance.refused = 7;
  return balance;
}

test('the outcomes of a component add up to what it accepted', async (t) => {
  const meters = createMeters();
  registerBalances(meters, () => [{ kind: 'exporter', component: 'kafka', signal: 'traffic', balance: filled() }]);
  const text = await meters.render();
  const outcome = (name: string, reason: string) =>
    Number(
      new RegExp(
        `^weir_items_total\\{kind="exporter",component="kafka",signal="traffic",outcome="${name}",reason="${reason}"\\} (\\d+)$`,
        'm',
      ).exec(text)?.[1],
    );
  const gauge = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (-?\\d+)$`, 'm').exec(text)?.[1]);
  t.is(outcome('accepted', ''), 100);
  t.is(outcome('delivered', ''), 40);
  t.is(outcome('merged', ''), 15);
  t.is(outcome('filtered', 'own_export'), 12);
  t.is(outcome('dropped', 'queue_full'), 18);
  t.is(outcome('refused', ''), 7);
  t.is(gauge('weir_queue_items'), 5);
  t.is(gauge('weir_held_items'), 10);
  t.is(gauge('weir_unaccounted_items'), 0);
});

test('what is lost by a defect shows as unaccounted', async (t) => {
  const meters = createMeters();
  const balance = filled();
  balance.accepted += 3;
  registerBalances(meters, () => [{ kind: 'processor', component: 'smi', signal: 'samples', balance }]);
  t.regex(await meters.render(), /^weir_unaccounted_items\{kind="processor",component="smi",signal="samples"\} 3$/m);
});

test('components of one id but of different kinds stay apart, the same in two pipelines adds up', async (t) => {
  const meters = createMeters();
  const entry = (kind: 'exporter' | 'processor') => ({ kind, component: 'smi', signal: 'traffic', balance: filled() });
  const remove = registerBalances(meters, () => [entry('processor'), entry('processor'), entry('exporter')]);
  const text = await meters.render();
  t.regex(text, /^weir_held_items\{kind="processor",component="smi",signal="traffic"\} 20$/m);
  t.regex(text, /^weir_held_items\{kind="exporter",component="smi",signal="traffic"\} 10$/m);
  remove();
  t.notRegex(await meters.render(), /weir_held_items/);
});
