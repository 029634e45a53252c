/** @module What the demo says around its table. Pure. */
import { type EdgeRow, renderEdges } from '../pipeline/cli/edge-table.ts';
import { formatMs } from '../pipeline/cli/format.ts';
import { TOPIC, WINDOW_MS } from './config-text.ts';
import type { Frame } from './screen.ts';
import { FAILING_EDGE, SLOW_EDGE } from './world/topology.ts';

/** Where everything listens. */
export interface Addresses {
  readonly host: string;
  readonly smiPort: number;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly otlpGrpcPort: number;
  readonly otlpHttpPort: number;
  /** Of the demo's own backend for traces. */
  readonly tracesPort: number;
  readonly kafka: string | null;
}

/** How many spans came so far. */
export interface SpanCounts {
  /** Taken over by Weir from the demo's proxies. */
  readonly sent: number;
  /** Come out of Weir, also those of others. */
  readonly received: number;
}

export interface FrameInput {
  readonly addresses: Addresses;
  /** Sentences about ports that were taken. */
  readonly moved: readonly string[];
  /** null before the first numbers. */
  readonly rows: readonly EdgeRow[] | null;
  /** Time until the first numbers, milliseconds. */
  readonly waitMs: number;
  /** Newest log lines of the demo's Weir. */
  readonly notices: readonly string[];
  readonly spans: SpanCounts;
  readonly color: boolean;
  /** True on a terminal, where everything is shown each time; else what to try is told once, with the first numbers. */
  readonly withHints: boolean;
}

const TITLE = 'Weir demo: simulated Linkerd, Istio and Envoy proxies of 20 workloads, scraped every 2s';

export function createFrame(input: FrameInput): Frame {
  const { rows, moved, notices, color, withHints } = input;
  if (rows === null) {
    return { top: [TITLE, ...moved, ''], table: [waiting(input.waitMs)], bottom: ['', ...notices] };
  }
  const table = renderEdges(rows, { color, allNamespaces: true }).replace(/\n$/, '').split('\n');
  const noted = NOTED.map((note) => ({ ...note, index: table.findIndex((line) => isRowOf(line, note.edge)) })).filter(
    ({ index }) => index !== -1,
  );
  const lookAt = noted.map(({ edge, why }) => `${edge} (${why})`).join(' and ');
  return {
    top: withHints ? [TITLE, ...moved, ''] : [''],
    table,
    bottom: [...(withHints ? [...hints(input, lookAt), 'Ctrl-C ends the demo.'] : []), ...notices],
    whole: edgesCommand(input.addresses),
    pinned: noted.map(({ index }) => index),
  };
}

/** True when the table has every edge that is worth a look. */
export function hasNotedEdges({ pinned = [] }: Frame): boolean {
  return pinned.length === NOTED.length;
}

/** The last table and, once more, what to try: on a terminal the display is gone by then. */
export function lastLines(input: FrameInput): string[] {
  const { table } = createFrame({ ...input, withHints: false });
  return [...table, '', 'To try while a demo runs:', ...commands(input.addresses)];
}

/** Edges worth a look, as long as the table has them. */
const NOTED = [
  { edge: FAILING_EDGE, why: 'fails often' },
  { edge: SLOW_EDGE, why: 'is slow' },
];

function isRowOf(line: string, edge: string): boolean {
  const [from, to] = line.split(/ +/);
  return `${from} -> ${to}` === edge;
}

/** `first numbers in 4s`, never less than a second. */
export function waiting(waitMs: number): string {
  return `first numbers in ${formatMs(Math.max(1, Math.ceil(waitMs / 1000)) * 1000)}`;
}

function hints({ addresses, spans }: FrameInput, lookAt: string): string[] {
  return [
    '',
    ...(lookAt === '' ? [] : [`Look at ${lookAt}.`]),
    `Figures cover the last ${formatMs(WINDOW_MS)}. Spans: ${spans.sent} from these proxies, ${spans.received} came out.`,
    '',
    ...commands(addresses),
    '',
  ];
}

function commands(addresses: Addresses): string[] {
  const { host, smiPort, metricsPort, healthPort, kafka, otlpGrpcPort, otlpHttpPort, tracesPort } = addresses;
  const api = `http://${host}:${smiPort}`;
  const lines: [string, string][] = [
    ['SMI API', `curl ${api}/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments/web`],
    ['edges of it', `curl ${api}/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments/web/edges`],
    ['this table', edgesCommand(addresses)],
    ['its proxies', `bin/weir targets --url ${api}`],
    ['newest traces', `curl http://${host}:${tracesPort}`],
    ['spans of yours', `${sdkSettings(host, otlpHttpPort)}   (any OpenTelemetry SDK; gRPC: ${otlpGrpcPort})`],
    ['own metrics', `curl http://${host}:${metricsPort}/metrics`],
    ['health', `curl http://${host}:${healthPort}/readyz`],
    ['a Weir of yours', 'bin/weir run -c config.yaml   (in another terminal, beside this one)'],
  ];
  if (kafka !== null) lines.push(['Kafka', `kafka-console-consumer.sh --bootstrap-server ${kafka} --topic ${TOPIC}`]);
  return lines.map(([what, command]) => `  ${what.padEnd(16)}${command}`);
}

/** Some SDKs speak gRPC unless told otherwise. */
function sdkSettings(host: string, httpPort: number): string {
  return `OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:${httpPort} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`;
}

function edgesCommand({ host, smiPort }: Addresses): string {
  return `bin/weir edges --url http://${host}:${smiPort}`;
}

/** The last line of a run. */
export function summary(ranMs: number, scrapes: number, edges: number, { sent, received }: SpanCounts): string {
  const spans = `${sent} spans in, ${received} out`;
  return `weir demo: ran ${formatMs(ranMs)}, ${scrapes} scrapes, ${edges} edges in the last window, ${spans}`;
}
