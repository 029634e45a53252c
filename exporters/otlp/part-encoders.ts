/** @module Encoders for the parts of sums: the parts in one place of their sums are much alike, so each place has its own. */
import { type EncoderFigures, OtlpTrafficEncoder, SpareMemory } from '../../pipeline/wire/otlp-traffic.ts';

export interface PartEncoderLimits {
  /** Items of one part, above 0. */
  readonly maxItems: number;
  /** Records, and as many targets, whose encoding is kept over all encoders; 0 keeps none. */
  readonly maxCachedItems: number;
}

/** A place holds its records twice over before it is full, because others leave while some come. */
const ROOM = 2;

/**
 * As many encoders as `maxCachedItems` has room for, made when they are first needed; parts further behind share one that
 * remembers nothing.
 */
export class PartEncoders {
  readonly #encoders = new Map<number, OtlpTrafficEncoder>();
  readonly #most: number;
  readonly #maxKept: number;
  /** Parts go one after another, so that the memory of one that was sent is there for the next one. */
  readonly #spare = new SpareMemory();
  readonly #last = new OtlpTrafficEncoder({ maxKept: 0, keepSums: 1 }, this.#spare);

  constructor({ maxItems, maxCachedItems }: PartEncoderLimits) {
    this.#maxKept = Math.min(ROOM * maxItems, maxCachedItems);
    this.#most = maxCachedItems === 0 ? 0 : Math.floor(maxCachedItems / this.#maxKept);
  }

  /** The encoder of parts at `index`, a whole number from 0. */
  at(index: number): OtlpTrafficEncoder {
    if (index >= this.#most) return this.#last;
    const encoder = this.#encoders.get(index) ?? new OtlpTrafficEncoder({ maxKept: this.#maxKept }, this.#spare);
    this.#encoders.set(index, encoder);
    return encoder;
  }

  /** Encodings of all encoders together, records and targets apart. O(encoders). */
  get figures(): EncoderFigures {
    const all = [this.#last, ...this.#encoders.values()].map(({ figures }) => figures);
    return { records: total(all.map(({ records }) => records)), targets: total(all.map(({ targets }) => targets)) };
  }
}

type CacheFigures = EncoderFigures['records'];

function total(figures: readonly CacheFigures[]): CacheFigures {
  const sum = { kept: 0, evicted: 0, unkept: 0 };
  for (const { kept, evicted, unkept } of figures) {
    sum.kept += kept;
    sum.evicted += evicted;
    sum.unkept += unkept;
  }
  return sum;
}
