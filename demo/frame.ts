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
  readonly kafka: string | null;
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
  readonly color: boolean;
  /** True on a terminal, where everything is shown each time; else what to try is told once, with the first numbers. */
  readonly withHints: boolean;
}

const TITLE = 'Weir demo: a simulated Linkerd mesh of 12 workloads, scraped every 2s';

export function createFrame(input: FrameInput): Frame {
  const { rows, moved, notices, color, withHints } = input;
  if (rows === null) {
    return { top: [TITLE, ...moved, ''], table: [waiting(input.waitMs)], bottom: ['', ...notices] };
  }
  return {
    top: withHints ? [TITLE, ...moved, ''] : [''],
    table: renderEdges(rows, { color, allNamespaces: true }).replace(/\n$/, '').split('\n'),
    bottom: [...(withHints ? hints(input.addresses) : []), ...notices],
  };
}

/** `first numbers in 4s`, never less than a second. */
export function waiting(waitMs: number): string {
  return `first numbers in ${formatMs(Math.max(1, Math.ceil(waitMs / 1000)) * 1000)}`;
}

function hints({ host, smiPort, metricsPort, healthPort, kafka }: Addresses): string[] {
  const api = `http://${host}:${smiPort}`;
  const lines: [string, string][] = [
    ['SMI API', `curl ${api}/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments/web`],
    ['edges of it', `curl ${api}/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments/web/edges`],
    ['this table', `bin/weir edges --url ${api}`],
    ['its proxies', `bin/weir targets --url ${api}`],
    ['own metrics', `curl http://${host}:${metricsPort}/metrics`],
    ['health', `curl http://${host}:${healthPort}/readyz`],
    ['a Weir of yours', 'bin/weir run -c config.yaml   (in another terminal, beside this one)'],
  ];
  if (kafka !== null) lines.push(['Kafka', `kafka-console-consumer.sh --bootstrap-server ${kafka} --topic ${TOPIC}`]);
  return [
    '',
    `Look at ${FAILING_EDGE} (one call in five fails) and ${SLOW_EDGE} (p99 near 1s).`,
    `Figures cover the last ${formatMs(WINDOW_MS)}.`,
    '',
    ...lines.map(([what, command]) => `  ${what.padEnd(16)}${command}`),
    '',
    'Ctrl-C ends the demo.',
  ];
}

/** The last line of a run. */
export function summary(ranMs: number, scrapes: number, edges: number): string {
  return `weir demo: ran ${formatMs(ranMs)}, ${scrapes} scrapes, ${edges} edges in the last window`;
}
