/** @module What tells the buckets of a histogram apart: the ends of their prefixes, made once per set of bounds. */
import { boundsName, secondsText } from './text.ts';
import { type Words, wordsOf } from './words.ts';

/** Ends of the prefixes of one histogram's lines, each from the comma behind the labels to the blank before the value. */
export interface HistogramTails {
  /** One per bucket, the open one last. */
  readonly buckets: readonly Words[];
  /** For the count and the start time. */
  readonly plain: Words;
  /** Bytes of the longest. */
  readonly longest: number;
}

interface Held {
  readonly tails: HistogramTails;
  /** Number of the newest page that showed them. */
  page: number;
}

/** Tails by set of bounds; equal sets share theirs. Held are those of the newest two pages, so what is shown bounds them. */
export class TailsByBounds {
  readonly #byArray = new WeakMap<readonly number[], Held>();
  readonly #byName = new Map<string, Held>();
  #page = 0;

  /** Sets held. */
  get size(): number {
    return this.#byName.size;
  }

  /** A page begins: forgets what the one before did not show. O(sets). */
  nextPage(): void {
    for (const [name, { page }] of this.#byName) if (page < this.#page) this.#byName.delete(name);
    this.#page += 1;
  }

  /** O(1) for an array seen before. */
  of(boundsMs: readonly number[]): HistogramTails {
    let held = this.#byArray.get(boundsMs);
    if (held === undefined) {
      held = this.#named(boundsMs);
      this.#byArray.set(boundsMs, held);
    }
    held.page = this.#page;
    return held.tails;
  }

  #named(boundsMs: readonly number[]): Held {
    const name = boundsMs.join(' ');
    const held = this.#byName.get(name) ?? { tails: makeTails(boundsMs), page: this.#page };
    this.#byName.set(name, held);
    return held;
  }
}

function makeTails(boundsMs: readonly number[]): HistogramTails {
  const bounds = `,bounds="${boundsName(boundsMs)}"`;
  const tail = (ms: number) => wordsOf(`${bounds},le="${secondsText(ms)}"} `);
  const buckets = [...boundsMs, Number.POSITIVE_INFINITY].map(tail);
  return { buckets, plain: wordsOf(`${bounds}} `), longest: Math.max(...buckets.map(({ length }) => length)) };
}
