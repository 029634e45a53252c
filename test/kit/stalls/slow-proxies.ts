/** @module Proxies of a world behind a network that is slow, loses and cuts: pages are what the proxy showed when it got round to it. */
import type { Random } from '../../../demo/world/random.ts';
import type { TruthSnapshot } from '../../../demo/world/truth.ts';
import type { World } from '../../../demo/world/world.ts';
import type { HttpClient, ResponseHandler, RunningRequest } from '../../../pipeline/net/http-client.ts';
import { Access } from '../../../receivers/scrape/access.ts';
import type { StallLoop } from './stall-loop.ts';

/** How bad the way to the proxies is. */
export interface Weather {
  /** Share of scrapes whose answer takes about as long as the timeout. */
  readonly slowShare: number;
  /** Share of scrapes that break: no connection, a cut page, none at all. */
  readonly brokenShare: number;
  readonly timeoutMs: number;
}

/** A page as the proxy rendered it. */
export interface ShownPage {
  readonly pod: string;
  readonly atMs: number;
  readonly snapshot: TruthSnapshot;
}

type Fate = 'whole' | 'cut' | 'refused' | 'hang';

export class SlowProxies {
  /** The last page of each pod whose every byte has reached the process, by pod; null while one is on its way. */
  readonly arrived = new Map<string, ShownPage | null>();
  readonly #world: World;
  readonly #loop: StallLoop;
  readonly #random: Random;
  readonly #weather: Weather;

  constructor(world: World, loop: StallLoop, random: Random, weather: Weather) {
    this.#world = world;
    this.#loop = loop;
    this.#random = random;
    this.#weather = weather;
  }

  /** One client for the pod: one request at a time, as HTTP/1.1 has it. */
  client(pod: string): HttpClient {
    const ends = new Set<() => void>();
    return {
      get: (_path, _headers, handler) => {
        const running = this.#get(pod, handler);
        ends.add(running.abort);
        return running;
      },
      close: () => {
        for (const end of ends) end();
      },
    };
  }

  #get(pod: string, handler: ResponseHandler): RunningRequest {
    let over = false;
    const arrive = (afterMs: number, take: () => void) =>
      this.#loop.arrive(afterMs, () => {
        if (!over) take();
      });
    this.arrived.set(pod, null);
    this.#loop.outside(this.#delayMs(), () => this.#answer(pod, handler, arrive));
    return {
      abort() {
        over = true;
      },
      resume() {},
    };
  }

  #answer(pod: string, handler: ResponseHandler, arrive: (afterMs: number, take: () => void) => void): void {
    const fate = this.#fate();
    if (fate === 'hang') return;
    if (fate === 'refused') {
      arrive(1, () => handler.onFailure({ kind: 'connect', text: 'refused' }));
      return;
    }
    this.#world.advance(this.#loop.wallMs);
    const page = Buffer.from(this.#world.scrape(pod));
    const shown = { pod, atMs: this.#world.nowMs, snapshot: this.#world.snapshot(pod) };
    const half = this.#random.below(page.length);
    const headers = new Map([
      ['content-type', 'text/plain'],
      ['content-length', String(page.length)],
    ]);
    let afterMs = this.#random.next() * 3;
    arrive(afterMs, () => handler.onHeaders(200, headers));
    arrive(afterMs, () => handler.onPiece(page.subarray(0, half)));
    afterMs += this.#random.below(4) === 0 ? this.#delayMs() : 1;
    if (fate === 'cut') {
      arrive(afterMs, () => handler.onFailure({ kind: 'cut', text: 'connection reset' }));
      return;
    }
    arrive(afterMs, () => handler.onPiece(page.subarray(half)));
    arrive(afterMs, () => {
      this.arrived.set(pod, shown);
      handler.onEnd();
    });
  }

  #delayMs(): number {
    const { slowShare, timeoutMs } = this.#weather;
    const isSlow = this.#random.next() < slowShare;
    return isSlow ? timeoutMs * (0.9 + 0.2 * this.#random.next()) : 1 + this.#random.next() * 20;
  }

  #fate(): Fate {
    if (this.#random.next() >= this.#weather.brokenShare) return 'whole';
    return (['cut', 'refused', 'hang'] as const)[this.#random.below(3)]!;
  }
}

/** The receiver's own access, but for the network. */
export class SlowAccess extends Access {
  #clientFor: (address: string) => HttpClient = () => {
    throw new Error('no proxies yet');
  };

  by(clientFor: (address: string) => HttpClient): this {
    this.#clientFor = clientFor;
    return this;
  }

  override createClient(address: string): HttpClient {
    return this.#clientFor(address);
  }
}
