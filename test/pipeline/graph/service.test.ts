/** @module What a started Weir says of its pipelines, and tells its exporters of what its receivers do. */
import test, { type ExecutionContext } from 'ava';
import type { SmiExporter } from '../../../exporters/smi/smi.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';
import { startService } from '../../../pipeline/graph/service.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';

const LINKERD = 'linkerd: { file_sd_configs: [{ files: ["/nonexistent/targets.json"] }] }';

/** A gateway of metrics and traces, with further receivers of metrics; started. */
async function gateway(t: ExecutionContext, more: Readonly<Record<string, string>> = {}) {
  const text = `receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:0" } } }
  ${Object.values(more).join('\n  ')}
processors: { smi: }
exporters: { smi: { endpoint: "127.0.0.1:0" }, debug: }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [${['otlp', ...Object.keys(more)].join(', ')}], processors: [smi], exporters: [smi] }
    traces: { receivers: [otlp], exporters: [debug] }
`;
  const { config, problems } = await loadConfig(['c.yaml'], { env: {}, registry, read: async () => text });
  if (config === null) throw new Error(JSON.stringify(problems));
  const log = createTestLog();
  const service = await startService(config, { clock: createTestClock(1_700_000_000_000), log, meters: NO_METERS });
  t.teardown(() => service.stop(0));
  const smi = service.graph.exporters.find(({ id }) => id === 'smi')?.component as SmiExporter;
  const answer = await fetch(`http://127.0.0.1:${smi.port}/v1/targets`);
  return { log, targets: (await answer.json()) as Record<string, unknown> };
}

test('a pipeline of traces says only that it started; one of metrics when its first window comes', async (t) => {
  const { log } = await gateway(t);
  const started = log.lines.filter(({ message }) => message.startsWith('started'));
  t.deepEqual(
    started.filter(({ fields }) => fields.pipeline === 'traces'),
    [{ level: 'info', message: 'started', fields: { pipeline: 'traces' } }],
  );
  t.like(started.find(({ fields }) => fields.pipeline === 'metrics')?.fields, { targets: 0, slotSeconds: 10 });
});

test('the first window of what others send comes a slot after its end, and later still where it takes two scrapes', async (t) => {
  const messageOf = ({ log }: Awaited<ReturnType<typeof gateway>>) =>
    log.lines.find(({ message, fields }) => message.startsWith('started') && fields.pipeline === 'metrics')?.message;
  t.is(
    messageOf(await gateway(t)),
    'started: 0 targets, first window at 22:13:40 UTC, of what a Collector scrapes one or two slots later',
  );
});

test('targets say whether this Weir scrapes at all', async (t) => {
  t.like((await gateway(t)).targets, { scrapes: false, targets: [] });
  t.like((await gateway(t, { linkerd: LINKERD })).targets, { scrapes: true, targets: [] });
});
