/**
 * @module Requests of metrics: traffic of other Weirs becomes batches again, each taken once; the rest is counted by name
 * (design §6, docs/adr/0013).
 */
import type { Batch } from '../../pipeline/batch.ts';
import type { Turns } from '../../pipeline/clock/turns.ts';
import { ADMITTED, type Admission, type ReceiverSettings } from '../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../pipeline/delivery.ts';
import { stateFile } from '../../pipeline/net/state-file.ts';
import {
  countDataPoints,
  type DecodedTraffic,
  decodeTrafficInSteps,
  TrafficMemory,
} from '../../pipeline/wire/otlp-traffic.ts';
import type { OtlpConfig } from './config.ts';
import { foreignMessage } from './foreign-points.ts';
import type { Intake, IntakeAnswer } from './intake.ts';
import { type Claim, Repeats } from './repeats.ts';
import { createRepeatsStore, type OpenStateFile, type RepeatsStore } from './repeats-store.ts';
import { SplitRequests } from './split-requests.ts';
import { TrafficJudge } from './traffic-judge.ts';
import { batchOf, inOrderOfSending, itemsOf, numberOf, type Share, shareId } from './traffic-share.ts';
import { createTrafficEvents, type TrafficEvents } from './traffic-telemetry.ts';

/** What of a request is samples: a mesh's families that a Collector scraped. */
export interface SamplesShare {
  /** Data points taken, by the name of their metric. */
  readonly points: ReadonlyMap<string, number>;
  /** Other data points of the same proxies, which nothing downstream asks for, by the name of their metric. */
  readonly unwanted: ReadonlyMap<string, number>;
  /** Whether the pipeline would take them now. */
  admits(): Admission;
  /** Hands them on; settles when it is known what became of them. Keeps its own books. */
  offer(): Promise<Outcome>;
}

/** Finds samples in requests. */
export interface SamplesIntake {
  /** Null when there are none. Applies nothing. `foreign`: points of the request that are no traffic, by name. */
  read(body: Uint8Array, foreign: ReadonlyMap<string, number>): SamplesShare | null;
  stop(): void;
}

/** What one part of a request came to, and how many data points it has. */
interface Fate {
  readonly outcome: Outcome;
  readonly points: number;
}

/** A batch, and what became of it. */
interface Settled {
  readonly items: number;
  readonly outcome: Outcome;
}

const KNOWN: Fate = { outcome: TAKEN, points: 0 };

export function createMetricsIntake(
  settings: ReceiverSettings<OtlpConfig>,
  turns: Turns,
  samples: SamplesIntake | null = null,
  openFile: OpenStateFile = stateFile,
): Intake {
  return new MetricsIntake(settings, turns, samples, openFile);
}

class MetricsIntake implements Intake {
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #turns: Turns;
  readonly #samples: SamplesIntake | null;
  readonly #memory: TrafficMemory;
  readonly #repeats: Repeats;
  readonly #splits: SplitRequests;
  readonly #judge: TrafficJudge;
  readonly #store: RepeatsStore | null;
  readonly #events: TrafficEvents;
  /** Requests of which the pipeline has not said yet what becomes of them, by source, epoch and number. */
  readonly #undecided = new Map<string, Promise<unknown>>();

  constructor(
    settings: ReceiverSettings<OtlpConfig>,
    turns: Turns,
    samples: SamplesIntake | null,
    openFile: OpenStateFile,
  ) {
    const { traffic } = settings.config;
    this.#settings = settings;
    this.#turns = turns;
    this.#samples = samples;
    this.#memory = new TrafficMemory(traffic.max_cached_items);
    const limits = { window: traffic.repeat_window, maxEpochs: traffic.max_epochs, maxSources: traffic.max_sources };
    this.#repeats = new Repeats(limits, () => settings.clock.monoMs());
    this.#splits = new SplitRequests(traffic.max_split_points, (request) => {
      this.#repeats.lose(request);
      this.#events.unfinished(request.source);
    });
    this.#judge = new TrafficJudge(this.#repeats, this.#splits, this.#memory);
    this.#store = createRepeatsStore(settings, { repeats: this.#repeats, splits: this.#splits }, openFile);
    this.#events = createTrafficEvents(settings, {
      repeats: this.#repeats,
      splits: this.#splits,
      memory: this.#memory,
      maxForeignNames: traffic.max_foreign_names,
    });
  }

  async take(body: Uint8Array): Promise<IntakeAnswer> {
    const { max_items_per_request: maxItems, max_nesting_depth: maxDepth } = this.#settings.config;
    countDataPoints(body, maxItems);
    const decoded = await this.#turns.run(decodeTrafficInSteps(body, { memory: this.#memory, maxDepth }));
    for (let waits = this.#waits(decoded); waits.length > 0; waits = this.#waits(decoded)) await Promise.all(waits);
    // From here to the offer nothing else runs, so that what is judged stays so.
    const shares = this.#judge.sharesOf(body, decoded);
    if (shares === null) return this.#tooLargeToSplit(decoded);
    const samples = this.#samples?.read(body, decoded.foreign.names) ?? null;
    const admission = this.#admission(shares, samples);
    if (!admission.ok) return this.#refused(shares, admission);
    const offered = this.#offer(shares);
    const fates = await Promise.all([...offered, ...offerSamples(samples)]);
    const isKnown = shares.length > offered.length;
    return this.#answer(decoded, samples, isKnown ? [...fates, KNOWN] : fates);
  }

  async start(): Promise<void> {
    await this.#store?.load();
  }

  async stop(): Promise<void> {
    this.#samples?.stop();
    await this.#store?.save();
    this.#events.end();
  }

  /** What has to be decided first: requests that this one repeats, as a whole or in part. */
  #waits({ resources }: DecodedTraffic): Promise<unknown>[] {
    return resources.flatMap(({ envelope }) => {
      if (envelope === null) return [];
      const { seq, replaces = [] } = envelope;
      return [seq, ...replaces].flatMap((number) => this.#undecided.get(shareId({ ...envelope, seq: number })) ?? []);
    });
  }

  #admission(shares: readonly Share[], samples: SamplesShare | null): Admission {
    for (const { envelope, sums } of shares) {
      for (const sum of sums) {
        const verdict = this.#settings.next.admits(batchOf(sum, envelope, false));
        if (!verdict.ok) return verdict;
      }
    }
    return samples?.admits() ?? ADMITTED;
  }

  #refused(shares: readonly Share[], { reason, retryAfterMs }: Extract<Admission, { ok: false }>): IntakeAnswer {
    for (const { envelope, sums } of shares) {
      for (const sum of sums) this.#settings.balanceOf('traffic').refused += itemsOf(sum);
      this.#events.ended('refused', envelope);
    }
    return { kind: 'retry', reason, afterMs: retryAfterMs };
  }

  #tooLargeToSplit({ resources }: DecodedTraffic): IntakeAnswer {
    const balance = this.#settings.balanceOf('traffic');
    for (const { envelope, sums } of resources) {
      this.#events.ended('rejected', envelope);
      for (const sum of sums) {
        balance.accepted += itemsOf(sum);
        balance.drop('split_too_large', itemsOf(sum));
      }
    }
    return { kind: 'rejected', reason: 'the request was split on the way, and has more points than max_split_points' };
  }

  #offer(shares: readonly Share[]): Promise<Fate>[] {
    const fates: Promise<Fate>[] = [];
    for (const share of inOrderOfSending(shares)) {
      if (share.known !== null) this.#tellKnown(share);
      else fates.push(this.#offerOne(share));
    }
    return fates;
  }

  #tellKnown({ envelope, known, knownItems }: Share): void {
    const balance = this.#settings.balanceOf('traffic');
    balance.accepted += knownItems;
    balance.filter(known!, knownItems);
    if (envelope !== null) this.#repeats.pass(numberOf(envelope));
    this.#events.ended(known!, envelope);
  }

  /** Hands the share on within the call; what becomes of it settles later. */
  #offerOne(share: Share): Promise<Fate> {
    const { envelope, sums } = share;
    const isNew = envelope !== null && this.#repeats.standing(numberOf(envelope)) === 'new';
    const claim = isNew ? this.#repeats.claim(numberOf(envelope)) : null;
    if (claim !== null) this.#events.claimed(envelope!, claim, sums);
    const batches = sums.map((sum, i) => batchOf(sum, envelope, i === 0 && claim?.gap === true));
    const outcomes = Promise.all(batches.map((batch) => this.#consume(batch)));
    const fate = this.#settle(share, claim, outcomes);
    if (envelope !== null) this.#undecide(shareId(envelope), fate);
    return fate;
  }

  #consume(batch: Batch): Promise<Settled> {
    return new Promise((resolve) => {
      batch.delivery.onSettled((outcome) => resolve({ items: batch.items, outcome }));
      this.#settings.next.consume(batch);
    });
  }

  /** Bounded by the requests that are being taken. */
  #undecide(id: string, fate: Promise<Fate>): void {
    const wait = fate.then(() => {
      this.#undecided.delete(id);
    });
    this.#undecided.set(id, wait);
  }

  /** What a share came to: it counts as taken when the pipeline has taken any of it. */
  async #settle(share: Share, claim: Claim | null, outcomes: Promise<readonly Settled[]>): Promise<Fate> {
    const settled = await outcomes;
    const outcome = worstOf(settled);
    if (settled.length > 0 && !settled.some((one) => one.outcome.kind === 'taken')) {
      claim?.undo();
      for (const { items } of settled) this.#bookUntaken(items, outcome);
      this.#events.ended(outcome.kind === 'retry' ? 'refused' : 'rejected', share.envelope);
      return { outcome, points: share.points };
    }
    claim?.keep();
    this.#bookTaken(settled);
    this.#tellTaken(share);
    return { outcome: TAKEN, points: share.points };
  }

  #bookUntaken(items: number, outcome: Outcome): void {
    const balance = this.#settings.balanceOf('traffic');
    if (outcome.kind === 'retry') balance.refused += items;
    else {
      balance.accepted += items;
      if (outcome.kind === 'rejected') balance.drop(outcome.reason, items);
    }
  }

  #bookTaken(settled: readonly Settled[]): void {
    const balance = this.#settings.balanceOf('traffic');
    for (const { items, outcome } of settled) {
      balance.accepted += items;
      if (outcome.kind === 'taken') balance.delivered += items;
      else {
        balance.drop(outcome.reason, items);
        this.#events.partlyTaken(items, outcome.reason);
      }
    }
  }

  #tellTaken({ envelope, part, points }: Share): void {
    if (part === null) this.#events.ended(envelope === null ? 'unnumbered' : 'taken', envelope);
    else {
      this.#events.ended('split', envelope);
      this.#events.repeatedPoints(Math.max(0, points - part.wanted));
      part.commit();
    }
  }

  /** Whoever was refused comes again with all of the request; what was taken of it is a repeat then. */
  #answer(decoded: DecodedTraffic, samples: SamplesShare | null, fates: readonly Fate[]): IntakeAnswer {
    const worst = worstOf(fates);
    if (worst.kind === 'retry') return worst;
    const foreign = this.#tellForeign(decoded, samples);
    if (samples !== null) this.#tellUnwanted(samples);
    if (worst.kind === 'taken') return { kind: 'taken', rejectedItems: foreign.points, message: foreign.message };
    const rejected = fates.filter(({ outcome }) => outcome.kind === 'rejected');
    if (rejected.length === fates.length) return worst;
    const points = total(rejected.map((fate) => fate.points));
    const message = `${points} data points were rejected: ${worst.reason}. ${foreign.message}`.trimEnd();
    return { kind: 'taken', rejectedItems: foreign.points + points, message };
  }

  /** The rest of the pages of proxies: no fault of their sender, who is not told. */
  #tellUnwanted({ unwanted }: SamplesShare): void {
    const points = total(unwanted.values());
    const balance = this.#settings.balanceOf('samples');
    balance.accepted += points;
    balance.filter('not_wanted', points);
    this.#events.unwanted(unwanted);
  }

  /** Counts the points that are no mesh's. */
  #tellForeign({ foreign }: DecodedTraffic, samples: SamplesShare | null): { points: number; message: string } {
    const left = new Map(foreign.names);
    let points = foreign.points;
    for (const [name, known] of samples === null ? [] : [...samples.points, ...samples.unwanted]) {
      points -= known;
      const rest = (left.get(name) ?? 0) - known;
      if (rest > 0) left.set(name, rest);
      else left.delete(name);
    }
    const unnamed = Math.max(0, points - total(left.values()));
    if (points === 0) return { points, message: '' };
    const balance = this.#settings.balanceOf('samples');
    balance.accepted += points;
    balance.filter('bad_value', foreign.badValues);
    balance.drop('not_mesh', points - foreign.badValues);
    this.#events.foreign(left, unnamed);
    return { points, message: foreignMessage(points, left) };
  }
}

function offerSamples(samples: SamplesShare | null): Promise<Fate>[] {
  if (samples === null) return [];
  const points = total(samples.points.values());
  return [samples.offer().then((outcome) => ({ outcome, points }))];
}

/** Of several that are to be retried, the one that asks for the longest wait. */
function worstOf(fates: readonly { readonly outcome: Outcome }[]): Outcome {
  let worst: Outcome = TAKEN;
  for (const { outcome } of fates) {
    if (outcome.kind === 'retry' && (worst.kind !== 'retry' || worst.afterMs < outcome.afterMs)) worst = outcome;
    else if (outcome.kind === 'rejected' && worst.kind === 'taken') worst = outcome;
  }
  return worst;
}

function total(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
