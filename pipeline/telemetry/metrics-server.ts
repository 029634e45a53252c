/** @module Serves Weir's own metrics as Prometheus text under `/metrics`, and beside it the drop journal as JSON. */
import { type PlainRoute, type PlainServer, startPlainServer } from '../net/plain-server.ts';
import type { Logger } from './logger.ts';

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  readonly render: () => Promise<string>;
  /** Answers `/v1/drops`; absent: nobody does. */
  readonly drops?: PlainRoute;
  readonly log: Logger;
}

/** Binds and listens; rejects with a message for people when the address cannot be had. */
export function startMetricsServer({ host, port, render, drops, log }: MetricsServerOptions): Promise<PlainServer> {
  return startPlainServer({
    key: 'service.telemetry.metrics.address',
    host,
    port,
    routes: new Map<string, PlainRoute>([
      ...(drops === undefined ? [] : [['/v1/drops', drops] as const]),
      [
        '/metrics',
        async () => ({
          status: 200,
          contentType: 'text/plain; version=0.0.4; charset=utf-8',
          body: await render(),
        }),
      ],
    ]),
    failed: (path, error) => log.error({ path, error }, 'own metrics or drops could not be rendered'),
  });
}
