/**
 * @module The proxies' way to their collector: what spans the world tells goes over OTLP/HTTP, in JSON, once a second.
 *
 * A request that is refused or lost is sent again as it is, so that its receiver gets each span once; meanwhile the world
 * keeps what comes, up to a bound of its own.
 */
import { request } from 'node:http';
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import type { WorldSpan } from '../world/span.ts';
import { spansRequest } from './request.ts';

const EVERY_MS = 1000;
const TIMEOUT_MS = 5000;

export interface SpanSender {
  /** Spans that were taken over by the receiver. */
  readonly sent: number;
  /** Why the last request failed, '' when it did not. */
  readonly failure: string;
  /** Sends what is left, once, and ends. */
  stop(): Promise<void>;
}

export interface SpanSenderOptions {
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  /** Spans told since the last call. */
  take(): WorldSpan[];
}

/** Starts sending. */
export function startSpanSender({ clock, host, port, take }: SpanSenderOptions): SpanSender {
  let held: WorldSpan[] = [];
  let timer: Timer | null = null;
  let work = Promise.resolve();
  let sent = 0;
  let failure = '';
  let stopped = false;

  async function sendOnce(): Promise<void> {
    if (held.length === 0) held = take();
    if (held.length === 0) return;
    failure = await post(host, port, spansRequest(held));
    if (failure !== '') return;
    sent += held.length;
    held = [];
  }

  function schedule(): void {
    timer = clock.after(EVERY_MS, () => {
      work = sendOnce().then(() => {
        if (!stopped) schedule();
      });
    });
  }

  schedule();
  return {
    get sent() {
      return sent;
    },
    get failure() {
      return failure;
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await work;
      // One request may be held back; what was told since then goes in a second one.
      await sendOnce();
      await sendOnce();
    },
  };
}

/** Resolves with '' once the receiver has answered 200, else with why it has not. Never rejects. */
function post(host: string, port: number, body: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sending = request(
    { host, port, path: '/v1/traces', method: 'POST', agent: false, timeout: TIMEOUT_MS, headers },
    (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? '' : `it answers ${response.statusCode}`));
      response.on('error', (error) => resolve(error.message));
    },
  );
  sending.on('timeout', () => sending.destroy(new Error(`no answer in ${TIMEOUT_MS}ms`)));
  sending.on('error', (error) => resolve(error.message));
  sending.end(body);
  return promise;
}
