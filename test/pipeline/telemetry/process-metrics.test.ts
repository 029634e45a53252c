/** @module The process' own figures are there and plausible. */
import test from 'ava';
import { createMeters } from '../../../pipeline/telemetry/otel-meters.ts';
import { registerProcessMetrics } from '../../../pipeline/telemetry/process-metrics.ts';

test('memory, processor time, loop delay and build are rendered, and leave when removed', async (t) => {
  const meters = createMeters();
  const remove = registerProcessMetrics(meters, { version: '9.8.7', startedWallMs: 1_700_000_000_500 });
  const text = await meters.render();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  t.true(value('weir_memory_rss_bytes') > 20e6 && value('weir_memory_rss_bytes') < 20e9);
  t.true(value('weir_memory_heap_used_bytes') < value('weir_memory_rss_bytes'));
  t.true(value('weir_cpu_seconds_total') > 0);
  t.is(value('weir_process_start_time_seconds'), 1_700_000_000.5);
  t.true(text.includes(`weir_build_info{version="9.8.7",node="${process.versions.node}"} 1`));
  const delays = [...text.matchAll(/^weir_event_loop_delay_seconds\{quantile="(.*)"\} (\S+)$/gm)];
  t.deepEqual(
    delays.map((match) => match[1]),
    ['0.5', '0.99', '1'],
  );
  t.true(delays.every((match) => Number(match[2]) >= 0 && Number(match[2]) < 60));
  remove();
  t.notRegex(await meters.render(), /weir_memory/);
});
