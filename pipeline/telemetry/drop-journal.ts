/**
 * @module The drop journal: what was dropped, where, why and how much (design §8), a bounded number of entries for the whole
 * process.
 *
 * Drops of one component for one reason with one error are one entry, so that a storm costs a look-up each and pushes out
 * nothing that is rare.
 */
import type { DropCause, DropObserver } from '../balance.ts';
import type { Clock } from '../clock/clock.ts';
import type { Kind } from '../component.ts';
import { detached, shownError, shownSample } from './drop-text.ts';
import type { Meters } from './meters.ts';

export interface DropJournalConfig {
  /** Entries kept, above 0. */
  readonly maxEntries: number;
  /** Different errors told apart for each reason of a component, above 0; what is beyond shares one entry. */
  readonly maxErrors: number;
}

/** One component's drops for one reason with one error. Texts are safe to print and bounded. */
export interface DropEntry {
  readonly kind: Kind;
  /** Component id, `type` or `type/name`. */
  readonly component: string;
  /** What its items are: `samples`, `traffic` or `spans`. */
  readonly signal: string;
  /** The word that is counted in `weir_items_total`. */
  readonly reason: string;
  /** What the other side said or what failed, '' for nothing; of several errors in one entry a late one. */
  readonly error: string;
  /** Whether the entry stands for several errors, as there were more than `maxErrors`. */
  readonly severalErrors: boolean;
  readonly items: number;
  /** Drops, of one item or more each. */
  readonly times: number;
  /** Wall clock of the first and the last drop, milliseconds since the epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** One of the latest minute before the last drop; null where nobody could give one. */
  readonly sample: Readonly<Record<string, string>> | null;
}

interface Entry extends DropEntry {
  readonly group: Group;
  /** What it is found by in its group. */
  readonly key: string | null;
  error: string;
  items: number;
  times: number;
  lastMs: number;
  sample: DropEntry['sample'];
  /** When error and sample were taken. */
  shownMonoMs: number;
  /** Number of its last drop in the order of all. */
  lastNumber: number;
}

/** One reason of one component. */
interface Group {
  readonly kind: Kind;
  readonly component: string;
  readonly signal: string;
  readonly reason: string;
  readonly secrets: readonly string[];
  /** By the error as it came, cut; null is the entry of those beyond `maxErrors`. */
  readonly entries: Map<string | null, Entry>;
}

/** A sample is taken anew when it is older, milliseconds. */
const SAMPLE_AGE_MS = 60_000;
/** Characters of an error that tell it from others, and that are shown. */
const ERROR_LENGTH = 500;

export class DropJournal {
  readonly #clock: Clock;
  readonly #config: DropJournalConfig;
  /** Wall clock (ms since the epoch) from which on it has all drops. */
  readonly startedMs: number;
  readonly #entries = new Set<Entry>();
  readonly #observers = new Map<string, DropObserver>();
  readonly #components = new Map<string, { readonly kind: Kind; readonly component: string }>();
  #number = 0;
  #forgottenEntries = 0;
  #forgottenItems = 0;

  constructor(clock: Clock, config: DropJournalConfig) {
    this.#clock = clock;
    this.#config = config;
    this.startedMs = clock.wallMs();
  }

  /**
   * For the books of one component; the same one for books of equal names, whose drops are told together. `secrets` are hidden
   * wherever they stand in its texts, the longest first.
   */
  observer(kind: Kind, component: string, signal: string, secrets: readonly string[] = []): DropObserver {
    const key = JSON.stringify([kind, component, signal]);
    const known = this.#observers.get(key);
    if (known !== undefined) return known;
    const groups = new Map<string, Group>();
    const observer: DropObserver = (reason, items, cause) => {
      let group = groups.get(reason);
      if (group === undefined) {
        group = { kind, component, signal, reason, secrets, entries: new Map() };
        groups.set(reason, group);
      }
      this.#note(group, items, cause);
    };
    this.#observers.set(key, observer);
    this.#components.set(`${kind} ${component}`, { kind, component });
    return observer;
  }

  #note(group: Group, items: number, cause: DropCause): void {
    const error = cause.error ?? '';
    const entry = this.#find(group, error.length > ERROR_LENGTH ? error.slice(0, ERROR_LENGTH) : error);
    entry.items += items;
    entry.times += 1;
    entry.lastMs = this.#clock.wallMs();
    entry.lastNumber = this.#number++;
    const nowMs = this.#clock.monoMs();
    if (nowMs - entry.shownMonoMs < SAMPLE_AGE_MS) return;
    entry.shownMonoMs = nowMs;
    if (entry.times === 1 || entry.severalErrors) entry.error = shownError(error, ERROR_LENGTH, group.secrets);
    entry.sample = shownSample(cause.sample, group.secrets) ?? entry.sample;
  }

  #find(group: Group, error: string): Entry {
    const { entries } = group;
    const known = entries.get(error);
    if (known !== undefined) return known;
    const isOver = entries.size - (entries.has(null) ? 1 : 0) >= this.#config.maxErrors;
    const others = isOver ? entries.get(null) : undefined;
    return others ?? this.#add(group, isOver ? null : detached(error));
  }

  #add(group: Group, key: string | null): Entry {
    if (this.#entries.size >= this.#config.maxEntries) this.#forgetOne();
    const { kind, component, signal, reason } = group;
    const firstMs = this.#clock.wallMs();
    const entry: Entry = {
      ...{ group, key, kind, component, signal, reason, firstMs, lastMs: firstMs },
      ...{ error: '', severalErrors: key === null, items: 0, times: 0, sample: null },
      ...{ shownMonoMs: Number.NEGATIVE_INFINITY, lastNumber: this.#number },
    };
    group.entries.set(key, entry);
    this.#entries.add(entry);
    return entry;
  }

  /** Of the reason with most entries the one longest silent: what is rare stays longest. O(entries). */
  #forgetOne(): void {
    let victim: Entry | null = null;
    for (const entry of this.#entries) if (victim === null || goesBefore(entry, victim)) victim = entry;
    if (victim === null) return;
    this.#entries.delete(victim);
    victim.group.entries.delete(victim.key);
    this.#forgottenEntries += 1;
    this.#forgottenItems += victim.items;
  }

  /** What fell out because there were more than `maxEntries`; its items stay counted in the balances. */
  get forgotten(): { readonly entries: number; readonly items: number } {
    return { entries: this.#forgottenEntries, items: this.#forgottenItems };
  }

  get size(): number {
    return this.#entries.size;
  }

  get maxEntries(): number {
    return this.#config.maxEntries;
  }

  /** All whose books it hears of, whether they dropped anything or not. */
  components(): { readonly kind: Kind; readonly component: string }[] {
    return [...this.#components.values()];
  }

  /** Latest drop first. O(entries · log entries). */
  list(): DropEntry[] {
    return [...this.#entries].sort((a, b) => b.lastNumber - a.lastNumber);
  }
}

function goesBefore(one: Entry, other: Entry): boolean {
  const difference = one.group.entries.size - other.group.entries.size;
  return difference === 0 ? one.lastNumber < other.lastNumber : difference > 0;
}

/** Registers the metrics of the journal itself. Returns a function that removes them again. */
export function registerDropJournal(meters: Meters, journal: DropJournal): () => void {
  const one = (read: () => number) => () => [{ value: read(), attributes: {} }];
  const removals = [
    meters.gauge(
      'weir_drop_journal_entries',
      'Entries of the drop journal.',
      one(() => journal.size),
    ),
    meters.counter(
      'weir_drop_journal_forgotten_total',
      'Entries that the drop journal gave up for others: service.telemetry.drops.max_entries.',
      one(() => journal.forgotten.entries),
    ),
    meters.counter(
      'weir_drop_journal_forgotten_items_total',
      'Dropped items whose entries the drop journal gave up; weir_items_total has them all the same.',
      one(() => journal.forgotten.items),
    ),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}
