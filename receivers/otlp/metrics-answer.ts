/** @module What the sender of metrics is told, and the books of what nobody here wants of its request. */
import type { Balance } from '../../pipeline/balance.ts';
import type { DecodedTraffic } from '../../pipeline/wire/otlp-traffic.ts';
import { foreignMessage } from './foreign-points.ts';
import type { IntakeAnswer } from './intake.ts';
import { worstOf } from './outcomes.ts';
import type { SamplesShare } from './samples-share.ts';
import type { Fate } from './traffic-offer.ts';
import type { TrafficEvents } from './traffic-telemetry.ts';

export class MetricsAnswers {
  /** Books of samples. */
  readonly #balance: Balance;
  readonly #events: TrafficEvents;

  constructor(balance: Balance, events: TrafficEvents) {
    this.#balance = balance;
    this.#events = events;
  }

  /** Whoever was refused comes again with all of the request; what was taken of it is a repeat then. */
  answerTo(decoded: DecodedTraffic, samples: SamplesShare | null, fates: readonly Fate[]): IntakeAnswer {
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
    this.#balance.accepted += points;
    this.#balance.filter('not_wanted', points);
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
    this.#balance.accepted += points;
    this.#balance.filter('bad_value', foreign.badValues);
    this.#balance.drop('not_mesh', points - foreign.badValues);
    this.#events.foreign(left, unnamed);
    return { points, message: foreignMessage(points, left) };
  }
}

function total(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
