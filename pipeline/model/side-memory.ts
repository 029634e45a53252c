/**
 * @module Which side a stream tells an edge or a workload from, kept from window to window.
 *
 * A reader of one window may pick the better side anew each time. The sum over many windows is the truth only when all
 * come from one side: the two sides are scraped at different instants, and a side that missed a scrape brings both
 * shares with the next one. So a stream keeps a side. It changes when the other one has counted over 5 % more for so long
 * that neither phase nor chance explains it, or when the side told so far has fallen silent for good; what the other
 * one had counted meanwhile is withheld until then and told with the change (docs/adr/0006).
 */
import { AccountMemory } from './account-memory.ts';
import { reachedOf, reachedOutcomes } from './reached.ts';
import type { Side } from './rules.ts';
import { ServiceMemory } from './service-memory.ts';
import {
  begin,
  compares,
  comparesCalls,
  createMemory,
  isWhole,
  keepAhead,
  type Memory,
  observe,
  otherOf,
  phaseOf,
  type SideView,
  type Told,
} from './side-state.ts';
import { StrangerMemory } from './stranger-memory.ts';
import type { TrafficRecord } from './traffic.ts';
import { NO_PHASE, NONE_AHEAD, Untold } from './untold.ts';

export type { SideView, Told } from './side-state.ts';

/** Windows in a row that must speak for the other side, or in which the told one is silent, before it is left. */
const PATIENCE = 10;
/** Windows without anything after which a key is forgotten. */
const FORGET_AFTER = 200;
const PRUNE_EVERY = 50;
/** Keys beyond which those that were not there in the last window are forgotten at once. */
const MAX_KEYS = 500_000;
const NONE: readonly never[] = [];

/** Withheld records whose time has come although nobody speaks of their edge or workload any more. */
export interface Due {
  readonly edges: TrafficRecord[];
  readonly totals: TrafficRecord[];
}

export type SideKey = `edge ${string}` | `total ${string}`;

export class SideMemory {
  readonly #memories = new Map<SideKey, Memory>();
  /** Those whose two sides are not even. */
  readonly #uneven = new Map<SideKey, Memory>();
  readonly accounts = new AccountMemory();
  readonly services = new ServiceMemory();
  readonly strangers = new StrangerMemory();
  #due: Due = { edges: [], totals: [] };
  #window = 0;
  #changes = 0;
  #lateRequests = 0;

  /** Keys remembered. Bounded by the keys of the last windows. */
  get size(): number {
    return this.#memories.size;
  }
  /** Times a key was told from another side than before. */
  get changes(): number {
    return this.#changes;
  }
  /** Requests told in a later window than the one they were counted in; running total. */
  get lateRequests(): number {
    return this.#lateRequests;
  }
  /** Requests of the other sides that are withheld now, edges and totals alike. O(keys that are not even). */
  get withheldRequests(): number {
    let requests = this.strangers.withheldRequests;
    for (const { untold } of this.#uneven.values()) requests += untold?.requests ?? 0;
    return requests;
  }

  /** To be called before each window's reading. O(keys that are not even), now and then O(keys). */
  beginWindow(): void {
    this.#begin(false);
    for (const [key, memory] of this.#uneven) {
      const since = memory.silentSince || memory.lastWindow;
      if (this.#window - since >= PATIENCE) this.#giveUp(key, memory);
    }
    if (this.#memories.size > MAX_KEYS) this.#prune(1);
    else if (this.#window % PRUNE_EVERY === 0) this.#prune(FORGET_AFTER);
  }

  /** To be called instead of `beginWindow` when no window will follow: all that is withheld becomes due. */
  beginLast(): void {
    this.#begin(true);
    for (const [key, memory] of this.#uneven) this.#giveUp(key, memory);
  }

  #begin(last: boolean): void {
    this.#window += 1;
    this.accounts.beginWindow();
    this.services.beginWindow();
    this.#due = { edges: this.strangers.beginWindow(last), totals: [] };
  }

  /** What must be told in this window whoever is in it. */
  get due(): Due {
    return this.#due;
  }

  #prune(windows: number): void {
    this.accounts.prune(windows);
    this.services.prune(windows);
    for (const [key, { lastWindow }] of this.#memories) {
      if (this.#window - lastWindow <= windows || this.#uneven.get(key)?.untold?.requests) continue;
      this.#memories.delete(key);
      this.#uneven.delete(key);
    }
  }

  /** Whether `key` is told from this side, as far as it is remembered. */
  isTold(key: SideKey, side: Side): boolean {
    return this.#memories.get(key)?.side === side;
  }

  /** What to tell of `key` in this window; further calls in the same window get the same answer. */
  choose(key: SideKey, preferred: Side, client: SideView, server: SideView): Told {
    const views = { client, server };
    const memory = this.#memories.get(key) ?? this.#remember(key, preferred, views);
    if (memory.lastWindow === this.#window) return memory.told;
    memory.lastWindow = this.#window;
    if (!memory.hasTold) begin(memory, preferred, views);
    observe(memory, preferred, views, this.#window);
    const leave = memory.against >= PATIENCE || this.#isGone(memory, views);
    memory.told = leave ? this.#leave(key, memory, views) : this.#stay(key, memory, views);
    memory.compares = compares(memory, views);
    memory.hasTold ||= reachedOf(memory.told.records) + reachedOf(memory.told.late) > 0;
    return memory.told;
  }

  /**
   * Whether a peer known by its account alone is to be told, and what; null while its clients' own proxies tell it:
   * `clients` are those that may be behind the account.
   */
  standIn(key: SideKey, clients: SideView, server: SideView): Told | null {
    const memory = this.#memories.get(key);
    // Clients that are there tell it at once: from now on it only keeps count.
    if (memory !== undefined && memory.side === 'server' && clients.records.length > 0) {
      memory.side = 'client';
      memory.ahead = NONE_AHEAD;
      memory.aheadOfTold = NONE_AHEAD;
      this.#keep(key, memory, null);
    }
    if (memory !== undefined) memory.against = Number.NEGATIVE_INFINITY;
    const told = this.choose(key, 'client', clients, server);
    return told.side === 'client' ? null : told;
  }

  #remember(key: SideKey, preferred: Side, views: Record<Side, SideView>): Memory {
    const side = views[preferred].records.length > 0 ? preferred : otherOf(preferred);
    const memory = createMemory(side);
    this.#memories.set(key, memory);
    return memory;
  }

  #isGone({ side, silentSince }: Memory, views: Record<Side, SideView>): boolean {
    if (silentSince === 0) return false;
    const other = views[otherOf(side)];
    if (other.records.length === 0) return false;
    const targetsGone = views[side].coverage === null && isWhole(other);
    return targetsGone || this.#window - silentSince + 1 >= PATIENCE;
  }

  #stay(key: SideKey, memory: Memory, views: Record<Side, SideView>): Told {
    const { side } = memory;
    this.#account(key, memory, memory.untold, views);
    return { side, records: views[side].records, late: NONE };
  }

  #leave(key: SideKey, memory: Memory, views: Record<Side, SideView>): Told {
    const untold = memory.untold ?? new Untold(memory.ahead);
    const late = untold.take();
    const side = otherOf(memory.side);
    const records = untold.lessOwed(views[side].records);
    this.#turn(memory, late);
    const next = new Untold(memory.aheadOfTold);
    memory.aheadOfTold = untold.ahead;
    next.owe(late);
    this.#account(key, memory, next, views, records);
    return { side, records, late };
  }

  /** Told from the other side from now on, without a window of its own: what was withheld is due. */
  #giveUp(key: SideKey, memory: Memory): void {
    if (memory.untold === null || memory.untold.requests === 0) return;
    const late = memory.untold.take();
    this.#turn(memory, late);
    (key.startsWith('edge ') ? this.#due.edges : this.#due.totals).push(...late);
    const next = new Untold(memory.aheadOfTold);
    memory.aheadOfTold = memory.untold.ahead;
    next.owe(late);
    this.#keep(key, memory, next);
  }

  #turn(memory: Memory, late: readonly TrafficRecord[]): void {
    memory.side = otherOf(memory.side);
    memory.ahead = NONE_AHEAD;
    memory.against = 0;
    memory.silentSince = 0;
    memory.hasTold = true;
    memory.apart = 0;
    memory.differs = false;
    this.#changes += 1;
    this.#lateRequests += reachedOf(late);
  }

  /** Adds one window to the balance of the two sides; `memory.side` has told its records, or what is left of them. */
  #account(
    key: SideKey,
    memory: Memory,
    untold: Untold | null,
    views: Record<Side, SideView>,
    records: readonly TrafficRecord[] = views[memory.side].records,
  ): void {
    const [told, other] = [views[memory.side], views[otherOf(memory.side)]];
    const toldWhole = told.records.length > 0 && isWhole(told);
    const otherWhole = isWhole(other);
    const phase = comparesCalls(memory) ? phaseOf(told, other) : NO_PHASE;
    if (toldWhole && otherWhole) {
      keepAhead(memory, untold?.ahead ?? memory.ahead, reachedOutcomes(records), phase);
      this.#keep(key, memory, null);
      return;
    }
    const next = untold ?? new Untold(memory.ahead);
    memory.ahead = NONE_AHEAD;
    next.owe(records);
    next.add(other.records, other.far);
    next.settle(toldWhole, otherWhole, phase);
    this.#keep(key, memory, next);
  }

  #keep(key: SideKey, memory: Memory, untold: Untold | null): void {
    memory.untold = untold === null || untold.isEmpty ? null : untold;
    if (memory.untold === null) this.#uneven.delete(key);
    else this.#uneven.set(key, memory);
  }
}
