/**
 * @module The real process under a clock that a test moves: everything is as `weir run` has it, but for the clock and one
 * more exporter, `capture`, that hands every closed slot to the test.
 *
 * Started by `driven-weir.ts` with the configuration file and the wall clock's start as arguments.
 */
import type { AnyFactory, Kind, ReceiverFactory } from '../../../pipeline/component.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { type HostedService, hostService } from '../../../pipeline/graph/host.ts';
import { registry as realRegistry } from '../../../pipeline/graph/registry.ts';
import { captureExporter, type Reads, total, watchedReceiver } from '../capture.ts';
import { createTestClock } from '../clock.ts';
import type { BalanceView, Message, Order, OrderMessage, StepDone } from './protocol.ts';

const [configFile = '', startWallMs = '0'] = process.argv.slice(2);
const clock = createTestClock(Number(startWallMs));
const inFlight: Reads = new Set();
const fileEvents: Reads = new Set();
const watched = new Map([
  ['weir_scrapes_in_flight', inFlight],
  ['weir_file_sd_events_total', fileEvents],
]);
const capture = captureExporter((sum) => tell({ kind: 'sum', sum }));

function tell(message: Message, sent?: () => void): void {
  if (process.send !== undefined && process.connected) process.send(message, undefined, undefined, sent);
}

/** The real registry, with `capture`, and with receivers of which the test sees running scrapes and events of files. */
const registry = {
  types: (kind: Kind) => (kind === 'exporter' ? [...realRegistry.types(kind), 'capture'] : realRegistry.types(kind)),
  async load(kind: Kind, type: string): Promise<AnyFactory | null> {
    if (kind === 'exporter' && type === 'capture') return capture;
    const factory = await realRegistry.load(kind, type);
    return factory?.kind === 'receiver' ? watchedReceiver(factory as ReceiverFactory<unknown>, watched) : factory;
  },
};

function balances(service: HostedService): BalanceView[] {
  return service.graph.balances().map(({ kind, component, balance }) => ({
    kind,
    component,
    accepted: balance.accepted,
    delivered: balance.delivered,
    held: balance.held,
    queued: balance.queued,
    merged: balance.merged,
    refused: balance.refused,
    filtered: [...balance.filtered],
    dropped: [...balance.dropped],
    unaccounted: balance.unaccounted,
  }));
}

function step(untilMonoMs: number): StepDone {
  const next = clock.nextTimerMs;
  const fired = next !== null && next <= untilMonoMs;
  if (fired) clock.fireNext();
  else clock.advance(untilMonoMs - clock.monoMs());
  return { fired, monoMs: clock.monoMs(), wallMs: clock.wallMs() };
}

function peek(untilMonoMs: number): number {
  const next = clock.nextTimerMs;
  const atMs = next !== null && next <= untilMonoMs ? Math.max(next, clock.monoMs()) : untilMonoMs;
  return clock.wallMs() + atMs - clock.monoMs();
}

let stopping: Promise<void> | null = null;

function obey(service: HostedService, order: Order): unknown {
  switch (order.op) {
    case 'step':
      return step(order.untilMonoMs);
    case 'peek':
      return peek(order.untilMonoMs);
    case 'inFlight':
      return total(inFlight);
    case 'fileEvents':
      return total(fileEvents);
    case 'targets':
      return service.targets().map(({ address, pod }) => `${address} ${pod}`);
    case 'setWall':
      return clock.setWall(order.wallMs);
    case 'balances':
      return balances(service);
    case 'heap':
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    case 'stop':
      // Answered at once; the process ends by itself when it has drained, while the test moves the clock on.
      stopping = service.stop(30_000).then(() => {
        // What is still on its way, such as a large last slot, would be lost with the channel.
        tell({ kind: 'answer', id: -1, value: balances(service) }, () => process.disconnect?.());
      });
      return stopping !== null;
  }
}

async function main(): Promise<void> {
  const { config, problems } = await loadConfig([configFile], { env: process.env, registry });
  if (config === null) {
    tell({ kind: 'ready', error: renderProblems(problems) });
    return;
  }
  const logs = { ...config.telemetry.logs, encoding: 'json' as const };
  const service = await hostService(
    { ...config, telemetry: { ...config.telemetry, logs } },
    { clock, writeLog: (line) => tell({ kind: 'log', line }) },
  );
  process.on('message', ({ id, order }: OrderMessage) => tell({ kind: 'answer', id, value: obey(service, order) }));
  // A test that was killed leaves no process behind.
  process.on('disconnect', () => stopping ?? process.exit(1));
  tell({ kind: 'ready', error: null });
}

main().catch((error: unknown) =>
  tell({ kind: 'ready', error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
);
