/** @module What tells the buckets of a histogram apart: the ends of their prefixes, made once per set of bounds. */
import { bytesOf } from './page-writer.ts';
import { boundsName, secondsText } from './text.ts';

/** Ends of the prefixes of one histogram's lines, each from the comma behind the labels to the blank before the value. */
export interface HistogramTails {
  /** One per bucket, the open one last. */
  readonly buckets: readonly Uint8Array[];
  /** For the count and the start time. */
  readonly plain: Uint8Array;
}

/** Sets of bounds remembered by what they are; proxies of a mesh share one or two. */
const SETS = 1000;

/** Tails by set of bounds. Equal sets share theirs. */
export class TailsByBounds {
  readonly #byArray = new WeakMap<readonly number[], HistogramTails>();
  readonly #byName = new Map<string, HistogramTails>();

  /** O(1) for an array seen before. */
  of(boundsMs: readonly number[]): HistogramTails {
    let tails = this.#byArray.get(boundsMs);
    if (tails === undefined) {
      tails = this.#byText(boundsMs);
      this.#byArray.set(boundsMs, tails);
    }
    return tails;
  }

  #byText(boundsMs: readonly number[]): HistogramTails {
    const text = boundsMs.join(' ');
    const held = this.#byName.get(text);
    if (held !== undefined) return held;
    const made = makeTails(boundsMs);
    if (this.#byName.size >= SETS) this.#byName.clear();
    this.#byName.set(text, made);
    return made;
  }
}

function makeTails(boundsMs: readonly number[]): HistogramTails {
  const bounds = `,bounds="${boundsName(boundsMs)}"`;
  const tail = (ms: number) => bytesOf(`${bounds},le="${secondsText(ms)}"} `);
  return { buckets: [...boundsMs, Number.POSITIVE_INFINITY].map(tail), plain: bytesOf(`${bounds}} `) };
}
