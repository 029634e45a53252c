/**
 * @module What stands behind a victim: takes spans and traffic, keeps what good clients sent, and only counts the rest, so that
 * what attackers get through does not pile up here.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { Turns } from '../../pipeline/clock/turns.ts';
import { decodeTrafficInSteps } from '../../pipeline/wire/otlp-traffic.ts';

/** Begins the mark in each request of spans of a good client; eight digits follow. */
export const GOOD_MARK = 'good-client-';
const MARK_BYTES = GOOD_MARK.length + 8;

export class VictimBackend {
  readonly url: string;
  /** How often each marked request of spans arrived. */
  readonly marks = new Map<string, number>();
  /** Successes by workload, over all requests of traffic. */
  readonly successes = new Map<string, number>();
  /** Requests of spans without a mark: what attackers got through. */
  others = 0;
  /** Probes run on the same loop: read in one go, large requests of attackers would count as the victim's delays. */
  readonly #turns = new Turns(systemClock);
  readonly close: () => void;

  private constructor(url: string, close: () => void) {
    this.url = url;
    this.close = close;
  }

  static async start(): Promise<VictimBackend> {
    let backend: VictimBackend | null = null;
    const server = createServer((request, response) => void backend?.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () => {
      server.closeAllConnections();
      server.close();
    };
    backend = new VictimBackend(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
    return backend;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(pieces);
    if (request.url === '/v1/traces') this.#takeSpans(body);
    else await this.#takeTraffic(body);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  }

  #takeSpans(body: Buffer): void {
    let at = body.indexOf(GOOD_MARK);
    if (at === -1) this.others += 1;
    for (; at !== -1; at = body.indexOf(GOOD_MARK, at + MARK_BYTES)) {
      const mark = body.toString('latin1', at, at + MARK_BYTES);
      this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
    }
  }

  async #takeTraffic(body: Buffer): Promise<void> {
    const { resources } = await this.#turns.run(decodeTrafficInSteps(body));
    for (const { sums } of resources) {
      for (const { records } of sums) {
        for (const { key, successes } of records) {
          // What attackers tell of a mesh is no good client's.
          if (key.own.workload.namespace === 'attack') continue;
          const { name } = key.own.workload;
          this.successes.set(name, (this.successes.get(name) ?? 0) + successes);
        }
      }
    }
  }
}
