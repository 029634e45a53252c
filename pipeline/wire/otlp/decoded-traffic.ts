/** @module What a metrics request held: sums of traffic by sender, and how much that is none of Weir's. */
import type { TrafficSum } from '../../model/traffic.ts';
import { EPOCH, SEQ, SOURCE, type TrafficEnvelope } from './envelope.ts';
import { TrafficAssembly } from './traffic-assembly.ts';

export interface DecodedTraffic {
  /** In the order in which the request names their senders; none without sums. */
  readonly resources: readonly DecodedResource[];
  readonly foreign: ForeignMetrics;
}

export interface DecodedResource {
  /** Null when the request does not say which Weir sent it, so that repeats cannot be told. */
  readonly envelope: TrafficEnvelope | null;
  /** One for each interval. The caller owns them. */
  readonly sums: readonly TrafficSum[];
}

/** What was left out: other metrics, and points of Weir's that it cannot read or that are not deltas. */
export interface ForeignMetrics {
  /** Metrics of which something was left out. */
  readonly metrics: number;
  readonly points: number;
  /** Points by the metric's name, for the first 100 names; names are cut after 200 characters. */
  readonly names: ReadonlyMap<string, number>;
}

const MAX_NAMES = 100;
const MAX_NAME_LENGTH = 200;

/** Grows while a request is read; worth nothing when that fails. */
export class DecodedDraft {
  readonly #senders = new Map<string, { envelope: TrafficEnvelope | null; assembly: TrafficAssembly }>();
  readonly #names = new Map<string, number>();
  #metrics = 0;
  #points = 0;

  /** Where the traffic of one resource belongs; equal senders and numbers are one. */
  assemblyFor(texts: ReadonlyMap<string, string>, seq: number | null): TrafficAssembly {
    const envelope = envelopeOf(texts, seq);
    const id = JSON.stringify([seq, ...[...texts].sort(([a], [b]) => (a < b ? -1 : 1))]);
    let sender = this.#senders.get(id);
    if (sender === undefined) {
      sender = { envelope, assembly: new TrafficAssembly() };
      this.#senders.set(id, sender);
    }
    return sender.assembly;
  }

  leaveOut(name: string, points: number): void {
    this.#metrics += 1;
    this.#points += points;
    const shown = name.slice(0, MAX_NAME_LENGTH);
    const known = this.#names.get(shown);
    if (known !== undefined || this.#names.size < MAX_NAMES) this.#names.set(shown, (known ?? 0) + points);
  }

  finish(): DecodedTraffic {
    const resources: DecodedResource[] = [];
    for (const { envelope, assembly } of this.#senders.values()) {
      const sums = assembly.sums();
      if (sums.length > 0) resources.push({ envelope, sums });
    }
    return { resources, foreign: { metrics: this.#metrics, points: this.#points, names: this.#names } };
  }
}

function envelopeOf(texts: ReadonlyMap<string, string>, seq: number | null): TrafficEnvelope | null {
  const source = texts.get(SOURCE);
  const epoch = texts.get(EPOCH);
  if (source === undefined || epoch === undefined || seq === null) return null;
  const resource = new Map([...texts].filter(([name]) => name !== SOURCE && name !== EPOCH && name !== SEQ));
  return { source, epoch, seq, resource };
}
