/**
 * @module Two agents and a gateway as processes of their own, on the machine's clock and sockets: all are ended by SIGTERM and
 * started again, answers and halves of requests are lost on the way while the gateway stops, and what comes out of the gateway is what the scrapes told, once.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { serveWorld } from '../../demo/proxies/serve.ts';
import { createWorld } from '../../demo/world/world.ts';
import { sumTraffic } from '../../pipeline/model/sum.ts';
import { decodeTraffic } from '../../pipeline/wire/otlp-traffic.ts';
import { assertStoppedWhole, type RunningCli, startCli } from '../kit/cli.ts';
import { ExpectedTraffic, observedCounts } from '../kit/expected-traffic.ts';
import { OtlpBackend, type Reaction, type Received } from '../kit/otlp-backend.ts';
import { freePorts } from '../kit/ports.ts';
import { splitRequest } from '../kit/split-request.ts';

const AGENTS = [0, 1] as const;
type Agent = (typeof AGENTS)[number];
const INTERVAL_MS = 1000;

async function stop(t: ExecutionContext, process: RunningCli): Promise<void> {
  process.child.kill('SIGTERM');
  assertStoppedWhole(t, await process.finished);
}

/** What becomes of a request between agents and gateway. */
interface Relayed {
  /** What the gateway is sent of it. */
  readonly body: Uint8Array;
  readonly isAnswerLost: boolean;
}

/** Hands requests on, and loses each third answer. */
function losingSome({ body }: Received, number: number): Relayed {
  return { body, isAnswerLost: number % 3 === 2 };
}

/** Loses each answer, and of what the second agent sends the second half as well. */
function losingAll({ body }: Received): Relayed {
  const [sent] = decodeTraffic(body).resources;
  return { body: sent?.envelope?.source === 'agent-1' ? splitRequest(body)[0] : body, isAnswerLost: true };
}

function relayTo(gateway: string, lost: { count: number }, become: (request: Received, number: number) => Relayed) {
  return async (request: Received, number: number): Promise<Reaction> => {
    const { body, isAnswerLost } = become(request, number);
    try {
      const answer = await fetch(`${gateway}/v1/metrics`, {
        method: 'POST',
        headers: { 'content-type': request.headers['content-type'] ?? '' },
        body: new Uint8Array(body),
      });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (isAnswerLost) {
        lost.count += 1;
        return 'drop';
      }
      return {
        status: answer.status,
        headers: { 'content-type': answer.headers.get('content-type') ?? '' },
        body: bytes,
      };
    } catch {
      return 'drop';
    }
  };
}

/** Requests by side, pod and peer, over everything that came. */
function totalsOf(received: readonly Received[]): Map<string, number> {
  const sums = received.flatMap(({ body }) => decodeTraffic(body).resources.flatMap((resource) => resource.sums));
  const whole = sumTraffic(sums);
  const rows = whole === null ? [] : [...observedCounts(whole)];
  return countsOf(rows);
}

function countsOf(rows: Iterable<readonly [string, { readonly successes: number; readonly failures: number }]>) {
  const totals = new Map<string, number>();
  for (const [key, { successes, failures }] of rows) {
    if (successes + failures > 0) totals.set(key, (totals.get(key) ?? 0) + successes + failures);
  }
  return new Map([...totals].sort());
}

test('what agents count comes out of the gateway once, through restarts of all of them and lost answers', async (t) => {
  t.timeout(120_000);
  const world = createWorld({ seed: 5, startMs: Date.now() - 60_000 });
  world.advance(Date.now());
  const lives: ExpectedTraffic[] = [];
  const current = new Map<Agent, ExpectedTraffic>();
  const pods = world.pods().filter(({ workload }) => workload.mesh !== null);
  const ownerOf = new Map<string, Agent>(pods.map(({ name }, i) => [name, AGENTS[i % 2]!]));
  const served = await serveWorld(world, {
    now: () => Date.now(),
    onScrape: (record) => current.get(ownerOf.get(record.pod)!)?.scraped(record),
  });
  t.teardown(() => served.close());
  const folder = await mkdtemp(join(tmpdir(), 'weir-agents-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const [gatewayPort = 0] = await freePorts(1);
  const lost = { count: 0 };
  const relay = await OtlpBackend.start(t);
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  relay.react = relayTo(gatewayUrl, lost, losingSome);
  const sink = await OtlpBackend.start(t);

  const run = async (name: string, config: string): Promise<RunningCli> => {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, config);
    const process = startCli(['run', '-c', file]);
    t.teardown(() => process.child.kill('SIGKILL'));
    await process.printed('started');
    return process;
  };
  const startAgent = (agent: Agent): Promise<RunningCli> => {
    const expected = new ExpectedTraffic(INTERVAL_MS, Date.now());
    lives.push(expected);
    current.set(agent, expected);
    const groups = served.targets('linkerd').filter(({ labels }) => ownerOf.get(labels.pod!) === agent);
    return run(
      `agent-${agent}`,
      `
receivers: { linkerd: { scrape_interval: 1s, static_configs: ${JSON.stringify(groups)} } }
processors: { smi: {} }
exporters:
  otlphttp:
    endpoint: ${relay.url}
    source: agent-${agent}
    retry_on_failure: { initial_interval: 100ms, max_interval: 300ms }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [otlphttp] } }
`,
    );
  };
  const startGateway = () =>
    run(
      'gateway',
      `
receivers:
  otlp:
    scrape_interval: 1s
    protocols: { http: { endpoint: "127.0.0.1:${gatewayPort}" } }
    traffic: { repeats_file: "${join(folder, 'taken')}" }
processors: { smi: {} }
exporters: { otlphttp: { endpoint: "${sink.url}", source: gateway } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [otlp], processors: [smi], exporters: [otlphttp] } }
`,
    );
  const more = (requests: number) => relay.arrived(relay.received.length + requests);

  let gateway = await startGateway();
  const agents = [await startAgent(0), await startAgent(1)];
  await more(8);
  await stop(t, agents[0]!);
  agents[0] = await startAgent(0);
  await more(6);
  // What this life takes of both agents is sent again to the next one.
  relay.react = relayTo(gatewayUrl, lost, losingAll);
  await more(6);
  const lostBefore = lost.count;
  await stop(t, gateway);
  t.is((await stat(join(folder, 'taken'))).mode & 0o777, 0o600);
  gateway = await startGateway();
  await t.throwsAsync(stat(join(folder, 'taken')), { code: 'ENOENT' });
  relay.react = relayTo(gatewayUrl, lost, losingSome);
  await more(8);
  for (const agent of agents) await stop(t, agent);
  await stop(t, gateway);

  const seen = totalsOf(sink.received);
  const want = countsOf(lives.flatMap(({ slots }) => [...slots.values()].flatMap((rows) => [...rows])));
  t.deepEqual(seen, want);
  t.true(want.size > 20, `${want.size} rows`);
  t.true(lostBefore >= 4, 'both agents had something taken that they were not told of');
  t.true(lost.count >= 5, `${lost.count} answers lost`);
});
