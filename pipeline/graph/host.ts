/** @module A service with everything a process gives it: logs, own metrics and their listener. */
import manifest from '../../package.json' with { type: 'json' };
import type { Clock } from '../clock/clock.ts';
import type { Component } from '../component.ts';
import type { CheckedComponent, CheckedConfig } from '../config/checked.ts';
import type { PlainServer } from '../net/plain-server.ts';
import { registerBalances } from '../telemetry/balance-metrics.ts';
import { dropsRoute } from '../telemetry/drop-answer.ts';
import { DropJournal, registerDropJournal } from '../telemetry/drop-journal.ts';
import type { Logger } from '../telemetry/logger.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { createMeters, type RenderableMeters } from '../telemetry/otel-meters.ts';
import { createLogger } from '../telemetry/pino-logger.ts';
import { registerProcessMetrics } from '../telemetry/process-metrics.ts';
import { tellUnverified } from '../telemetry/unverified-peers.ts';
import { type Service, startService } from './service.ts';

export interface HostDeps {
  readonly clock: Clock;
  /** Takes log lines in place of standard error. */
  readonly writeLog?: (line: string) => void;
}

export interface HostedService extends Service {
  readonly log: Logger;
  readonly meters: RenderableMeters;
  readonly drops: DropJournal;
}

/** Starts a checked configuration with its logs and `/metrics`. Throws what kept it from starting, all undone. */
export async function hostService(config: CheckedConfig, deps: HostDeps): Promise<HostedService> {
  const { clock } = deps;
  const log = createLogger({
    ...config.telemetry.logs,
    clock,
    ...(deps.writeLog === undefined ? {} : { write: deps.writeLog }),
  });
  const meters = createMeters();
  const endProcessMetrics = registerProcessMetrics(meters, {
    version: manifest.version,
    startedWallMs: clock.wallMs(),
  });
  tellUnverified(componentsOf(config), log, meters);
  const drops = new DropJournal(clock, config.telemetry.drops);
  const listener = metricsListener(config, { meters, log, drops });
  try {
    const service = await startService(config, {
      clock,
      log,
      meters,
      drops,
      companions: [{ id: 'metrics', component: listener }],
    });
    registerBalances(meters, () => service.graph.balances());
    registerDropJournal(meters, drops);
    return {
      ...service,
      log,
      meters,
      drops,
      stop: (deadlineMs) => service.stop(deadlineMs).finally(endProcessMetrics),
    };
  } catch (error) {
    endProcessMetrics();
    throw error;
  }
}

function componentsOf({ pipelines, extensions }: CheckedConfig): CheckedComponent[] {
  const ofPipelines = pipelines.flatMap(({ receivers, processors, exporters }) => [
    ...receivers,
    ...processors,
    ...exporters,
  ]);
  return [...ofPipelines, ...extensions];
}

/** What the listener of own metrics shows. */
interface Shown {
  readonly meters: RenderableMeters;
  readonly log: Logger;
  readonly drops: DropJournal;
}

function metricsListener({ telemetry }: CheckedConfig, { meters, log, drops }: Shown): Component {
  const address = telemetry.metrics;
  let server: PlainServer | null = null;
  return {
    async start() {
      if (address === null) return;
      const render = () => meters.render();
      server = await startMetricsServer({ ...address, render, drops: dropsRoute(drops, telemetry.drops), log });
      log.info({ address: `${server.host}:${server.port}` }, 'own metrics at /metrics');
    },
    async stop() {
      await server?.close();
      server = null;
    },
  };
}
