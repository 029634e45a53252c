/** @module What a metrics request held: sums of traffic by sender, and how much that is none of Weir's. */
import type { TrafficSum } from '../../model/traffic.ts';
import {
  type EnvelopeNumbers,
  envelopeOf,
  quantity,
  type TrafficEnvelope,
  type UnreadAttribute,
  unreadAttribute,
} from './envelope.ts';
import { type InSteps, ITEM_WORK, inOneGo, Pace } from './pace.ts';
import { SCRAPE_REPORTS } from './scrape-reports.ts';
import { TrafficAssembly } from './traffic-assembly.ts';

export interface DecodedTraffic {
  /** In the order in which the request names their senders; none without sums. */
  readonly resources: readonly DecodedResource[];
  readonly foreign: ForeignMetrics;
  /**
   * Points left out of Weir's own metrics that hold no count, by metric: not a number, negative, above 2^53, or an integer that
   * no double is equal to.
   */
  readonly badValues: ReadonlyMap<string, number>;
  /** Counts lost where points of the request that add to one count go beyond 2^53; 0 for what Weirs send. */
  readonly cappedCounts: number;
}

export interface DecodedResource {
  /** Null when the request does not say which Weir sent it, so that repeats cannot be told. */
  readonly envelope: TrafficEnvelope | null;
  /** One for each interval. The caller owns them. */
  readonly sums: readonly TrafficSum[];
  /** Data points that each of `sums` was made of. */
  readonly sumPoints: readonly number[];
  /** Data points read of this sender, those left out included. */
  readonly points: number;
  /** Data points that the sender says it sent; null when it does not say, as older ones do not. */
  readonly declaredPoints: number | null;
  /** How many resources of the request named this sender; above 1 something between has joined what came apart. */
  readonly pieces: number;
  /** What is said of the request and cannot be read; absent when all can. */
  readonly unread?: UnreadAttribute;
}

/** What was left out: other metrics, and points of Weir's that it cannot read or that are not deltas. */
export interface ForeignMetrics {
  /** Metrics of which something was left out. */
  readonly metrics: number;
  readonly points: number;
  /** Points by the metric's name, for the first 100 names and `SCRAPE_REPORTS`; names are cut after 200 characters. */
  readonly names: ReadonlyMap<string, number>;
}

/** What of a metric was left out. */
export interface LeftOut {
  readonly points: number;
  /** Those of `points` that hold no count. */
  readonly badValues: number;
  /** Whether it is one of Weir's, told as traffic is. */
  readonly isKnown: boolean;
}

const MAX_NAMES = 100;
const MAX_NAME_LENGTH = 200;
/** Bytes that the names of metrics are read to; of longer ones nothing is told apart behind that. */
export const MAX_NAME_BYTES = 1024;

/** Traffic of one sender that is growing. */
export class SenderDraft {
  readonly envelope: TrafficEnvelope | null;
  readonly assembly = new TrafficAssembly();
  points = 0;
  pieces = 0;
  declaredPoints: number | null = null;
  unread: UnreadAttribute | null = null;

  constructor(envelope: TrafficEnvelope | null) {
    this.envelope = envelope;
  }

  declare(points: number | null): void {
    if (points !== null) this.declaredPoints = Math.max(points, this.declaredPoints ?? 0);
  }
}

/** Numbers among the attributes of a resource, as they came; undefined for what is not told, or is no number. */
export interface ResourceNumbers extends EnvelopeNumbers {
  readonly points: number | bigint | undefined;
}

/** Grows while a request is read; worth nothing when that fails. */
export class DecodedDraft {
  readonly #senders = new Map<string, SenderDraft>();
  readonly #names = new Map<string, number>();
  readonly #badValues = new Map<string, number>();
  #metrics = 0;
  #points = 0;

  /** Where the traffic of one resource belongs: what has the same source, epoch and number is one. */
  senderFor(texts: ReadonlyMap<string, string>, numbers: ResourceNumbers): SenderDraft {
    const seq = quantity(numbers.seq);
    const envelope = envelopeOf(texts, seq);
    const id =
      envelope === null
        ? JSON.stringify([...texts].sort(([a], [b]) => (a < b ? -1 : 1)))
        : JSON.stringify([seq, envelope.source, envelope.epoch]);
    let sender = this.#senders.get(id);
    if (sender === undefined) {
      sender = new SenderDraft(envelope);
      this.#senders.set(id, sender);
    }
    sender.pieces += 1;
    sender.declare(quantity(numbers.points));
    sender.unread ??= unreadAttribute(texts, numbers);
    return sender;
  }

  leaveOut(name: string, { points: all, badValues, isKnown }: LeftOut): void {
    // Only of Weir's own metrics, which are few.
    if (badValues > 0) this.#badValues.set(name, (this.#badValues.get(name) ?? 0) + badValues);
    const points = all - badValues;
    if (points === 0 && isKnown) return;
    this.#metrics += 1;
    this.#points += points;
    const shown = name.slice(0, MAX_NAME_LENGTH);
    const known = this.#names.get(shown);
    const isKept = known !== undefined || this.#names.size < MAX_NAMES || SCRAPE_REPORTS.has(shown);
    if (isKept) this.#names.set(shown, (known ?? 0) + points);
  }

  finish(): DecodedTraffic {
    return inOneGo(this.finishInSteps(new Pace()));
  }

  *finishInSteps(pace: Pace): InSteps<DecodedTraffic> {
    const resources: DecodedResource[] = [];
    let cappedCounts = 0;
    for (const { envelope, assembly, points, pieces, declaredPoints, unread } of this.#senders.values()) {
      const sums: TrafficSum[] = [];
      cappedCounts += assembly.cappedCounts;
      const sumPoints: number[] = [];
      for (const [sum, pointsOfIt] of assembly.sums()) {
        sums.push(sum);
        sumPoints.push(pointsOfIt);
        if (pace.isStep(ITEM_WORK)) yield;
      }
      const told = { envelope, sums, sumPoints, points, pieces, declaredPoints };
      if (sums.length > 0) resources.push(unread === null ? told : { ...told, unread });
      if (pace.isStep(ITEM_WORK)) yield;
    }
    const foreign = { metrics: this.#metrics, points: this.#points, names: this.#names };
    return { resources, foreign, badValues: this.#badValues, cappedCounts };
  }
}
