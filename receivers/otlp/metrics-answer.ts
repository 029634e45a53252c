/** @module What the sender of metrics is told, and the books of what nobody here wants of its request. */
import type { Balance } from '../../pipeline/balance.ts';
import type { DecodedTraffic } from '../../pipeline/wire/otlp-traffic.ts';
import { badValuesMessage, foreignMessage, takeScrapeReports } from './foreign-points.ts';
import type { IntakeAnswer } from './intake.ts';
import { worstOf } from './outcomes.ts';
import type { SamplesShare } from './samples-share.ts';
import { total } from './totals.ts';
import { type Fate, lastWord } from './traffic-books.ts';
import type { TrafficEvents } from './traffic-telemetry.ts';

/** Points that were not taken, and what their sender hears of them. */
interface LeftOut {
  readonly points: number;
  readonly message: string;
}

const NOTHING_LEFT_OUT: LeftOut = { points: 0, message: '' };

export class MetricsAnswers {
  /** Books of samples. */
  readonly #balance: Balance;
  readonly #events: TrafficEvents;

  constructor(balance: Balance, events: TrafficEvents) {
    this.#balance = balance;
    this.#events = events;
  }

  /**
   * Whoever was refused comes again with all of the request; what was taken of it is a repeat then. Where it would not be, its
   * sender hears how much was not taken.
   */
  answerTo(decoded: DecodedTraffic, samples: SamplesShare | null, fates: readonly Fate[]): IntakeAnswer {
    const worst = worstOf(fates);
    if (worst.kind === 'retry' && !fates.some(({ isLast }) => isLast === true)) return worst;
    const left = [this.#tellForeign(decoded, samples), this.#tellBadValues(decoded), ...rejectedSamples(samples)];
    if (samples !== null) this.#tellUnwanted(samples.unwanted);
    this.#events.capped(decoded.cappedCounts);
    for (const { unread, envelope } of decoded.resources)
      if (unread !== undefined) this.#events.unread(unread, envelope);
    const rejected = rejectedOf(fates);
    if (worst.kind === 'rejected' && fates.every(({ outcome }) => outcome.kind === 'rejected')) return worst;
    for (const [reason, points] of rejected)
      left.unshift({ points, message: `${points} data points were rejected: ${reason}` });
    return { kind: 'taken', rejectedItems: total(left.map(({ points }) => points)), message: inOne(left) };
  }

  /** Counts the points of traffic that hold no count. */
  #tellBadValues({ badValues }: DecodedTraffic): LeftOut {
    const points = total(badValues.values());
    if (points === 0) return NOTHING_LEFT_OUT;
    this.#balance.accepted += points;
    this.#balance.filter('bad_value', points);
    this.#events.badValues(badValues, points);
    return { points, message: badValuesMessage(points, badValues) };
  }

  /** The rest of the pages of proxies, and what a Collector adds to any page: no fault of their sender, who is not told. */
  #tellUnwanted(unwanted: ReadonlyMap<string, number>): void {
    const points = total(unwanted.values());
    if (points === 0) return;
    this.#balance.accepted += points;
    this.#balance.filter('not_wanted', points);
    this.#events.unwanted(unwanted);
  }

  /** Counts the points that are no mesh's. */
  #tellForeign({ foreign }: DecodedTraffic, samples: SamplesShare | null): LeftOut {
    const left = new Map(foreign.names);
    let points = foreign.points;
    for (const [name, known] of samples === null ? [] : [...samples.points, ...samples.unwanted]) {
      points -= known;
      const rest = (left.get(name) ?? 0) - known;
      if (rest > 0) left.set(name, rest);
      else left.delete(name);
    }
    const reports = takeScrapeReports(left);
    this.#tellUnwanted(reports);
    points -= total(reports.values());
    const unnamed = Math.max(0, points - total(left.values()));
    if (points === 0) return NOTHING_LEFT_OUT;
    this.#balance.accepted += points;
    this.#balance.drop('not_mesh', points, { sample: () => ({ metric: left.keys().next().value ?? '' }) });
    this.#events.foreign(left, unnamed);
    return { points, message: foreignMessage(points, left) };
  }
}

/** Points of a mesh that were not taken; its own books have them. */
function rejectedSamples(samples: SamplesShare | null): LeftOut[] {
  return samples === null ? [] : [samples.rejected];
}

/** Points that are never taken, by reason. */
function rejectedOf(fates: readonly Fate[]): ReadonlyMap<string, number> {
  const rejected = new Map<string, number>();
  for (const { outcome, points } of fates) {
    const last = lastWord(outcome);
    if (last.kind === 'rejected') rejected.set(last.reason, (rejected.get(last.reason) ?? 0) + points);
  }
  return rejected;
}

function inOne(left: readonly LeftOut[]): string {
  return left.flatMap(({ message }) => (message === '' ? [] : [message])).join('. ');
}
