/**
 * @module What a stream tells of callers that a server cannot name, where clients it cannot name either tell their own share.
 *
 * A server's page may lump calls of another mesh's proxies together with those of callers that nobody watches. What the
 * former count themselves is taken off; a debt is carried from window to window, so that scrapes at different instants
 * even out. While a client's page is missing nothing is told: it will bring its share.
 */
import { type Outcomes, type Seen, sawMore } from './reached.ts';
import type { Told } from './side-state.ts';
import type { TrafficRecord } from './traffic.ts';
import { Untold } from './untold.ts';

/** Each window weighs this much of the one after it. */
const DECAY = 0.9;
/** Windows that a missing page is waited for, and after which what is withheld of a silent server is due. */
const PATIENCE = 10;
const NONE: readonly never[] = [];

interface Stranger {
  readonly untold: Untold;
  readonly seen: Seen;
  waited: number;
  lastWindow: number;
  told: Told | null;
}

/** One window of one server. */
export interface StrangerView {
  /** Of callers that the server cannot name. */
  readonly records: readonly TrafficRecord[];
  /** What clients that it cannot name counted themselves. */
  readonly explained: Outcomes;
  readonly seen: Seen;
  /** No page of those clients is missing. */
  readonly whole: boolean;
}

export class StrangerMemory {
  readonly #strangers = new Map<string, Stranger>();
  #window = 0;

  /** Requests that are withheld now. O(servers). */
  get withheldRequests(): number {
    let requests = 0;
    for (const { untold } of this.#strangers.values()) requests += untold.requests;
    return requests;
  }

  /** Whether clients explained some calls of `key` in the last windows. */
  has(key: string): boolean {
    return this.#strangers.has(key);
  }

  /** Begins a window and returns what must be told in it of servers that fell silent; with `last` of all. */
  beginWindow(last: boolean): TrafficRecord[] {
    this.#window += 1;
    const due: TrafficRecord[] = [];
    for (const [key, { untold, lastWindow, seen }] of this.#strangers) {
      if (!last && this.#window - lastWindow < PATIENCE) continue;
      if (sawMore('server', seen)) due.push(...untold.take());
      this.#strangers.delete(key);
    }
    return due;
  }

  /** What to tell in this window; null for nothing. Further calls in the same window get the same answer. */
  choose(key: string, view: StrangerView): Told | null {
    const stranger = this.#strangers.get(key) ?? this.#begin(key);
    if (stranger.lastWindow === this.#window) return stranger.told;
    stranger.lastWindow = this.#window;
    const { seen } = stranger;
    for (const each of ['client', 'server', 'serverAtLeast'] as const)
      seen[each] = seen[each] * DECAY + view.seen[each];
    stranger.untold.oweOutcomes(view.explained);
    stranger.waited = view.whole ? 0 : stranger.waited + 1;
    stranger.told = this.#tell(stranger, view);
    return stranger.told;
  }

  #begin(key: string): Stranger {
    const seen = { client: 0, server: 0, serverAtLeast: 0 };
    const stranger = { untold: new Untold(), seen, waited: 0, lastWindow: -1, told: null };
    this.#strangers.set(key, stranger);
    return stranger;
  }

  #tell({ untold, seen, waited }: Stranger, { records }: StrangerView): Told | null {
    if (waited > 0 && waited < PATIENCE) {
      untold.add(records, null);
      return null;
    }
    const late = untold.take();
    const rest = untold.lessOwed(records, 'carry');
    if (sawMore('server', seen)) return { side: 'server', records: rest, late };
    // Within 5 % nobody else calls: retries and scrapes at different instants.
    untold.settle(true, true);
    return { side: 'server', records: NONE, late: NONE };
  }
}
