/** @module A running Weir: builds the graph of a checked configuration, starts it, and drains it in order. */
import type { Clock } from '../clock/clock.ts';
import { createEngineTime } from '../clock/engine-time.ts';
import type { Component, ServiceStatus, TargetStatus } from '../component.ts';
import type { CheckedConfig } from '../config/checked.ts';
import type { DropJournal } from '../telemetry/drop-journal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters } from '../telemetry/meters.ts';
import { slotWaitOf } from './bodies.ts';
import { buildGraph, type Graph } from './build.ts';
import { drainGraph, onlyStarted } from './drain.ts';
import { startAll } from './lifecycle.ts';
import { tellWaiting, type Waiting, waitingOf, waitingText } from './waiting.ts';

export interface ServiceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: Meters;
  readonly drops?: DropJournal;
  /** Further components with the service's life, started first and stopped last: the server of `/metrics`. */
  readonly companions?: readonly { readonly id: string; readonly component: Component }[];
}

export interface Service {
  readonly status: ServiceStatus;
  readonly graph: Graph;
  targets(): readonly TargetStatus[];
  /** What has not been handed on yet, by component. */
  waiting(): readonly Waiting[];
  /** Drains within `deadlineMs`: receivers first, exporters last, those of a kind side by side. May be called more than once. */
  stop(deadlineMs: number): Promise<void>;
}

/** How long (ms) parts that did start may take to stop when another could not start. */
const UNDO_DEADLINE_MS = 5000;

/** Builds and starts everything; when one part cannot start, those already started are stopped and the error thrown. */
export async function startService(config: CheckedConfig, deps: ServiceDeps): Promise<Service> {
  const { clock, log } = deps;
  const time = createEngineTime(clock);
  const status = createStatus();
  const graph = await buildGraph(config, { ...deps, time, startedMs: time.nowMs(), status: () => status });
  const all = { ...graph, companions: deps.companions ?? [] };
  const order = [
    ...all.companions,
    ...graph.extensions,
    ...graph.exporters,
    ...graph.processors.flat(),
    ...graph.receivers,
  ];
  await startAll(order, (started) => drainGraph(onlyStarted(all, started), UNDO_DEADLINE_MS, clock, log));
  status.phase = 'running';
  tellStarted(config, graph, time.nowMs(), log);

  let stopping: Promise<void> | null = null;
  return {
    status,
    graph,
    targets: graph.targets,
    waiting: () => waitingOf(graph.balances()),
    stop(deadlineMs) {
      stopping ??= drain(deadlineMs);
      return stopping;
    },
  };

  async function drain(deadlineMs: number): Promise<void> {
    status.phase = 'draining';
    log.info({ deadlineMs }, 'draining: receivers end first; a second signal (Ctrl-C) ends at once');
    const waiting = () => waitingOf(graph.balances());
    const told = tellWaiting(clock, log, deadlineMs, waiting);
    await drainGraph(all, deadlineMs, clock, log, () => tellFlushed(waiting(), log)).finally(told);
    status.phase = 'stopped';
    tellStopped(graph.balances(), log);
  }
}

/** Told when processors have flushed: before that nobody knows what there is to hand on. */
function tellFlushed(waiting: readonly Waiting[], log: Logger): void {
  log.info({ waiting }, `draining: ${waitingText(waiting)} to hand on`);
}

interface MutableStatus extends ServiceStatus {
  phase: ServiceStatus['phase'];
}

function createStatus(): MutableStatus {
  return {
    phase: 'starting',
    get ready() {
      return this.phase === 'running';
    },
    get reason() {
      return this.phase === 'running' ? '' : this.phase;
    },
  };
}

/** The summary a person wants to see first: how many targets, and when the first numbers come; spans have neither. */
function tellStarted(config: CheckedConfig, graph: Graph, nowMs: number, log: Logger): void {
  const targets = graph.targets().filter(({ refused }) => !refused).length;
  for (const pipeline of config.pipelines) {
    if (pipeline.signal === 'traces') {
      log.info({ pipeline: pipeline.id }, 'started');
      continue;
    }
    const { slotMs, windowMs } = pipeline;
    const waitMs = slotWaitOf(pipeline);
    const firstMs = slotMs === 0 ? null : (Math.floor(nowMs / slotMs) + 1) * slotMs + waitMs;
    // Who scrapes for Weir does so at times of its own: the scrape to compare with comes in the first slot, or in the next one.
    const later = waitMs > 0 ? ', of what a Collector scrapes one or two slots later' : '';
    log.info(
      {
        pipeline: pipeline.id,
        targets,
        slotSeconds: slotMs / 1000,
        windowSeconds: windowMs / 1000,
        firstSlotAt: firstMs === null ? null : new Date(firstMs).toISOString(),
      },
      firstMs === null
        ? 'started'
        : `started: ${targets} ${targets === 1 ? 'target' : 'targets'}, first window at ${new Date(firstMs).toISOString().slice(11, 19)} UTC${later}`,
    );
  }
}

/** Reasons of drops that are no loss: metrics that are no mesh's. */
const FOREIGN: ReadonlySet<string> = new Set(['not_mesh']);

/** The last line: what was dropped in all the life of a Weir, by component, signal and reason. */
export function tellStopped(books: ReturnType<Graph['balances']>, log: Logger): void {
  const unaccounted = books.reduce((sum, entry) => sum + entry.balance.unaccounted, 0);
  const dropped = books.flatMap(({ component, signal, balance }) =>
    [...balance.dropped].map(([reason, items]) => ({ component, signal, reason, items })),
  );
  const fields = { unaccounted, dropped };
  if (unaccounted !== 0) log.error(fields, 'stopped: some items are unaccounted for, which is a defect');
  else if (dropped.some(({ reason }) => !FOREIGN.has(reason))) log.warn(fields, 'stopped: some items were dropped');
  else if (dropped.length > 0) log.info(fields, 'stopped: all that was dropped was not meant for Weir');
  else log.info(fields, 'stopped');
}
