/**
 * @module `weir demo`: three simulated meshes, real pipelines over them in the same process, and a table of their edges.
 *
 * Everything the table shows has gone the whole way: proxies' pages over HTTP, scraper, `smi` processor, SMI API; and so
 * have spans: from the proxies over OTLP through Weir to a backend of the demo's own.
 */
import type { EdgeRow } from '../pipeline/cli/edge-table.ts';
import { wantsColor } from '../pipeline/cli/text.ts';
import type { Clock } from '../pipeline/clock/clock.ts';
import { systemClock } from '../pipeline/clock/clock.ts';
import type { CheckedConfig } from '../pipeline/config/checked.ts';
import { loadConfig } from '../pipeline/config/load.ts';
import { renderProblems } from '../pipeline/config/print.ts';
import { codeOf } from '../pipeline/errors.ts';
import { type HostDeps, type HostedService, hostService } from '../pipeline/graph/host.ts';
import { registry } from '../pipeline/graph/registry.ts';
import { type DemoArgs, parseDemoArgs } from './args.ts';
import { demoConfig, FLUSH_MS, SCRAPE_INTERVAL_MS, SPANS_PER_SECOND } from './config-text.ts';
import { fetchEdges } from './edges-client.ts';
import { createEnd, endsWithin } from './end.ts';
import { type Addresses, createFrame, hasNotedEdges, lastLines, type SpanCounts, summary } from './frame.ts';
import { findPort } from './ports.ts';
import { type ServedWorld, serveWorld } from './proxies/serve.ts';
import { createScreen, isInPlace, type Output, type Screen } from './screen.ts';
import { startTraceBackend, type TraceBackend } from './spans/backend.ts';
import { startSpanSender } from './spans/sender.ts';
import { createTargetsFiles, MESHES, TARGETS_FOLDER, type TargetsFiles } from './targets-file.ts';
import { messagesSent, missingTopic, noticeOf } from './topic.ts';
import type { WorldSpan } from './world/span.ts';
import { THREE_MESHES } from './world/three-meshes.ts';
import { createWorld, type World } from './world/world.ts';

const HOST = '127.0.0.1';
/** Times ports are looked for when one of those found is taken meanwhile. */
const MAX_ATTEMPTS = 5;
const DRAIN_MS = 4000;
/** The run ends this long after it should, whatever still drains, milliseconds. */
const END_MS = 5000;
/** How long the mesh has run when the demo begins. */
const MESH_AGE_MS = 60_000;
const MAX_NOTICES = 4;
/** Ports of `config.yaml`, kept free for the Weir that runs it beside the demo. */
const BESIDE_PORTS = [18_080, 18_888, 13_134, 14_317, 14_318];
/** Codes of errors that say so. */
const PORT_TAKEN: ReadonlySet<string | undefined> = new Set(['WEIR_NET_LISTEN_FAILED', 'EADDRINUSE']);
/** Time between two looks at the API on a terminal, and elsewhere, milliseconds. */
const LOOK_MS = { inPlace: 1000, printed: 4000 };

export interface DemoIo {
  readonly output: Output;
  writeError(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves when the user wants it to end. */
  readonly stopped: Promise<void>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Folder in which targets are written for others; default `demo`. */
  readonly targetsFolder?: string;
}

/** Runs the demo to its end and returns the exit code: 0, 1 when it could not run, 2 for wrong arguments. */
export async function runDemo(argv: readonly string[], io: DemoIo): Promise<number> {
  const parsed = parseDemoArgs(argv);
  if (parsed.kind === 'help') {
    io.output.write(parsed.text);
    return 0;
  }
  if (parsed.kind === 'wrong') {
    io.writeError(parsed.text);
    return 2;
  }
  try {
    await run(parsed.args, io);
    return 0;
  } catch (error) {
    io.writeError(`weir demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Running {
  /** Whether hints were shown. */
  hinted: boolean;
  readonly clock: Clock;
  readonly addresses: Addresses;
  /** Sentences about ports that were taken. */
  readonly moved: readonly string[];
  /** Newest log lines. */
  readonly notices: string[];
  readonly spans: () => SpanCounts;
  /** Why the proxies' last spans were not taken, '' when they were. */
  readonly spanFailure: () => string;
  /** Done before each look; null for nothing. */
  readonly beforeLook: (() => Promise<void>) | null;
}

async function run(args: DemoArgs, io: DemoIo): Promise<void> {
  const clock = io.clock ?? systemClock;
  const startedMs = clock.monoMs();
  const files = await createTargetsFiles(io.targetsFolder ?? TARGETS_FOLDER);
  let scrapes = 0;
  // Pods are older than the first window: one that began inside it would show the rate of a part of it.
  const startMs = clock.wallMs() - MESH_AGE_MS;
  const world = createWorld({
    ...{ seed: args.seed, startMs, topology: THREE_MESHES },
    ...{ keepSamples: false, flushMs: FLUSH_MS, spansPerSecond: SPANS_PER_SECOND },
  });
  world.advance(clock.wallMs());
  // What the proxies told before there was anybody to hear it.
  world.takeSpans();
  const served = await serveWorld(world, { now: () => clock.wallMs(), onScrape: () => scrapes++ });
  try {
    await files.publish(served.targets);
    const endWatch = publishChanges(world, served, files);
    const notices: string[] = [];
    const inPlace = isInPlace(io.output, io.env);
    // A log line would tear the table of a terminal: it waits below it. Elsewhere it goes out at once.
    const writeLog = (line: string) => {
      const told = noticeOf(line.trimEnd(), args.kafka);
      if (inPlace) for (const one of told) note(notices, one);
      else io.writeError(`${told.join('\n')}\n`);
    };
    const { service, backend, addresses, moved } = await startOnFreePorts(args, files, { clock, writeLog });
    const sender = startSpanSender({
      clock,
      host: HOST,
      port: addresses.otlpHttpPort,
      take: () => takeSpans(world, clock),
    });
    const spans = () => ({ sent: sender.sent, received: backend.traces.count });
    const beforeLook = args.kafka === null ? null : watchTopic(args.kafka, notices, service.meters);
    const edges = await showUntilEnd(
      { clock, addresses, moved, notices, spans, spanFailure: () => sender.failure, beforeLook, hinted: false },
      args,
      io,
    );
    endWatch();
    await sender.stop();
    if (!(await endsWithin(clock, END_MS, service.stop(DRAIN_MS)))) {
      io.writeError(`weir demo: not drained within ${END_MS / 1000}s: what waited to be sent is lost\n`);
    }
    await backend.close();
    for (const notice of notices) io.writeError(`${notice}\n`);
    io.output.write(`${summary(clock.monoMs() - startedMs, scrapes, edges, spans())}\n`);
  } finally {
    await files.close();
    await served.close();
  }
}

function takeSpans(world: World, clock: Clock): WorldSpan[] {
  world.advance(clock.wallMs());
  return world.takeSpans();
}

/** Takes the lines about a missing topic away once messages have been sent since they were first seen. */
function watchTopic(broker: string, notices: string[], meters: HostedService['meters']): () => Promise<void> {
  const lines = missingTopic(broker);
  let sentBefore: number | null = null;
  return async () => {
    if (!lines.some((line) => notices.includes(line))) return;
    const sent = messagesSent(await meters.render());
    sentBefore ??= sent;
    if (sent === sentBefore) return;
    sentBefore = null;
    notices.splice(0, notices.length, ...notices.filter((notice) => !lines.includes(notice)));
  };
}

function publishChanges(world: World, served: ServedWorld, files: TargetsFiles): () => void {
  let work = Promise.resolve();
  return world.onPods(() => {
    work = work.then(() => served.refresh()).then(() => files.publish(served.targets));
  });
}

/** Somebody may take a port between its being found free and its being used: then others are looked for. */
async function startOnFreePorts(args: DemoArgs, files: TargetsFiles, deps: HostDeps) {
  for (let attempt = 1; ; attempt++) {
    const { addresses, moved } = await findAddresses(args);
    const config = await readConfig(args, addresses, files);
    let backend: TraceBackend | null = null;
    try {
      backend = await startTraceBackend(HOST, addresses.tracesPort);
      return { service: await hostService(config, deps), backend, addresses, moved };
    } catch (error) {
      await backend?.close();
      if (attempt === MAX_ATTEMPTS || !PORT_TAKEN.has(codeOf(error))) throw error;
    }
  }
}

async function findAddresses(args: DemoArgs): Promise<{ addresses: Addresses; moved: string[] }> {
  const moved: string[] = [];
  const taken = new Set(BESIDE_PORTS);
  async function find(what: string, wanted: number): Promise<number> {
    const port = await findPort(HOST, wanted, taken);
    taken.add(port);
    if (port !== wanted) moved.push(`Port ${wanted} is taken: ${what} is on ${port}.`);
    return port;
  }
  const smiPort = await find('the SMI API', args.port);
  const metricsPort = await find("Weir's own /metrics", 8888);
  const healthPort = await find('health', 13_133);
  const otlpGrpcPort = await find('OTLP over gRPC', 4317);
  const otlpHttpPort = await find('OTLP over HTTP', 4318);
  const tracesPort = await find('the page of newest traces', 4320);
  const ports = { smiPort, metricsPort, healthPort, otlpGrpcPort, otlpHttpPort, tracesPort };
  return { addresses: { host: HOST, ...ports, kafka: args.kafka }, moved };
}

async function readConfig({ otlp }: DemoArgs, addresses: Addresses, files: TargetsFiles): Promise<CheckedConfig> {
  const targets = new Map(MESHES.map((mesh) => [mesh, files.own(mesh)]));
  const text = demoConfig({ ...addresses, otlp, targets });
  const { config, problems } = await loadConfig(['demo'], { env: {}, registry, read: async () => text });
  if (config === null) throw new Error(`its own configuration is refused\n${renderProblems(problems)}`);
  return config;
}

/** Shows edges until the end comes; returns how many there were last. */
async function showUntilEnd(running: Running, args: DemoArgs, io: DemoIo): Promise<number> {
  const screen = createScreen(io.output, io.env);
  const end = createEnd(running.clock, args.forMs, io.stopped);
  let rows: readonly EdgeRow[] | null = null;
  try {
    for (let looks = 0; !end.isNow(); looks++) {
      rows = await look(running, screen, rows, looks, io);
      await end.orAfter(screen.inPlace ? LOOK_MS.inPlace : rows === null ? LOOK_MS.inPlace : LOOK_MS.printed);
    }
  } finally {
    screen.close();
  }
  // A terminal is as it was before; what was seen last, and what can be tried, stays to be read.
  if (rows !== null) io.output.write(`${lastLines(frameInput(running, rows, 0, io, false)).join('\n')}\n`);
  return rows?.length ?? 0;
}

/** Asks once and shows the answer; an answer that fails leaves the old rows. */
async function look(
  running: Running,
  screen: Screen,
  before: readonly EdgeRow[] | null,
  looks: number,
  io: DemoIo,
): Promise<readonly EdgeRow[] | null> {
  const { host, smiPort } = running.addresses;
  await running.beforeLook?.();
  const answer = await fetchEdges(host, smiPort, SCRAPE_INTERVAL_MS);
  const rows = answer.kind === 'edges' && (answer.rows.length > 0 || before !== null) ? answer.rows : before;
  const waitMs = answer.kind === 'too soon' ? (answer.waitMs ?? SCRAPE_INTERVAL_MS) : SCRAPE_INTERVAL_MS;
  if (answer.kind === 'failed') note(running.notices, answer.reason);
  const spanFailure = running.spanFailure();
  if (spanFailure !== '') note(running.notices, `Spans of the proxies wait: ${spanFailure}`);
  // Outside a terminal, waiting is told once and hints come once, with the first table that has what they point out.
  if (screen.inPlace || rows !== null || looks === 0) {
    const frame = createFrame(frameInput(running, rows, waitMs, io, true));
    const withHints = screen.inPlace || (rows !== null && !running.hinted && hasNotedEdges(frame));
    running.hinted ||= withHints;
    screen.show(withHints || rows === null ? frame : createFrame(frameInput(running, rows, waitMs, io, false)));
  }
  return rows;
}

function note(notices: string[], text: string): void {
  if (notices.includes(text)) return;
  notices.push(text);
  if (notices.length > MAX_NOTICES) notices.shift();
}

function frameInput(running: Running, rows: readonly EdgeRow[] | null, waitMs: number, io: DemoIo, withHints: boolean) {
  const { addresses, moved, notices } = running;
  const color = wantsColor('auto', io.output.isTTY === true, io.env);
  return { addresses, moved, notices, spans: running.spans(), rows, waitMs, color, withHints };
}
