/** @module The demo's traces pipeline against the truth: what its proxies told comes out, span for span, once. */
import test from 'ava';
import { demoConfig, SPANS_PER_SECOND } from '../../demo/config-text.ts';
import { startTraceBackend } from '../../demo/spans/backend.ts';
import { spansRequest } from '../../demo/spans/request.ts';
import { startSpanSender } from '../../demo/spans/sender.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { createWorld } from '../../demo/world/world.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { loadConfig } from '../../pipeline/config/load.ts';
import { renderProblems } from '../../pipeline/config/print.ts';
import { hostService } from '../../pipeline/graph/host.ts';
import { registry } from '../../pipeline/graph/registry.ts';
import { createTestClock } from '../kit/clock.ts';
import { OtlpBackend } from '../kit/otlp-backend.ts';
import { decodeTraces, encodeTraces, spansOf } from '../kit/otlp-trace.ts';
import { freePorts } from '../kit/ports.ts';

const HOST = '127.0.0.1';
const START_MS = 1_700_000_000_000;

test('a minute of the world: every span comes out once, as it was, of every service as many as the truth has', async (t) => {
  t.timeout(60_000);
  const [smiPort = 0, metricsPort = 0, healthPort = 0, otlpGrpcPort = 0, otlpHttpPort = 0, tracesPort = 0] =
    await freePorts(6);
  const ports = { smiPort, metricsPort, healthPort, otlpGrpcPort, otlpHttpPort, tracesPort };
  const yours = await OtlpBackend.start(t);
  const backend = await startTraceBackend(HOST, tracesPort);
  t.teardown(() => backend.close());
  const text = demoConfig({ host: HOST, ...ports, kafka: null, otlp: yours.url, targets: new Map() }).replace(
    / {4}metrics: \{ receivers.*\n/,
    '',
  );
  const { config, problems } = await loadConfig(['demo'], { env: {}, registry, read: async () => text });
  if (config === null) return t.fail(renderProblems(problems));
  const lines: string[] = [];
  const service = await hostService(config, { clock: systemClock, writeLog: (line) => void lines.push(line) });

  const world = createWorld({
    ...{ seed: 3, startMs: START_MS, topology: THREE_MESHES, keepSamples: false, spansPerSecond: SPANS_PER_SECOND },
  });
  const told: unknown[] = [];
  let seconds = 0;
  const take = () => {
    world.advance(START_MS + ++seconds * 10_000);
    const spans = world.takeSpans();
    if (spans.length > 0) told.push(...spansOf([decodeTraces(encodeTraces(JSON.parse(spansRequest(spans))))]));
    return spans;
  };
  const clock = createTestClock();
  const sender = startSpanSender({ clock, host: HOST, port: otlpHttpPort, take });
  // A request has been answered once the next one is planned.
  for (let request = 0; request < 5; request++) {
    clock.advance(1000);
    while (clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
    t.is(sender.failure, '');
  }
  await sender.stop();
  await service.stop(5000);

  const sum = [...world.spansTold().values()].reduce((total, count) => total + count, 0);
  t.true(sum > 300, `${sum}`);
  t.is(sender.sent, sum);
  t.is(backend.traces.count, sum);
  t.deepEqual(new Map([...backend.traces.byService].sort()), new Map([...world.spansTold()].sort()));
  const arrived = spansOf(yours.received.map(({ body }) => decodeTraces(body)));
  t.deepEqual(arrived, told);
  t.deepEqual(lines, []);
});
