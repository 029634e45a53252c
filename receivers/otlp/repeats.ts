/**
 * @module Which numbered requests of which Weirs were taken, so that repeats are known and gaps are told (design §6,
 * docs/adr/0013).
 *
 * A window of numbers is kept for each life (epoch) of a source, not only the newest one: the halves of a request that was
 * too large have new numbers and come before lower ones.
 */

/** What a request says of itself. */
export interface RequestNumber {
  readonly source: string;
  readonly epoch: string;
  /** A safe integer from 0. */
  readonly seq: number;
  /** Numbers of requests that never arrived whole and of which this one is a part. */
  readonly replaces: readonly number[];
}

export interface RepeatLimits {
  /** Numbers remembered of each epoch, counted back from the highest one; rounded up to a multiple of 32. */
  readonly window: number;
  /** Epochs remembered of a source; the one longest silent is forgotten first. */
  readonly maxEpochs: number;
  /** Sources remembered; the one longest silent is forgotten first. */
  readonly maxSources: number;
}

/** `new`: not taken yet. `repeat`: taken before. `too_old`: below the window, so nobody knows; it counts as a repeat. */
export type Standing = 'new' | 'repeat' | 'too_old';

export interface Claim {
  /** True when something that the source sent before this never came, and nobody was told yet. */
  readonly gap: boolean;
  /** Takes the claim back: the request was not taken over and may come again. */
  undo(): void;
}

export class Repeats {
  readonly #limits: RepeatLimits;
  readonly #sources = new Map<string, Map<string, EpochWindow>>();
  /** Sources and epochs forgotten because of the limits. */
  forgottenSources = 0;
  forgottenEpochs = 0;

  constructor(limits: RepeatLimits) {
    this.#limits = limits;
  }

  /** Sources remembered. */
  get sources(): number {
    return this.#sources.size;
  }

  /** What is known of a request. Changes nothing. */
  standing({ source, epoch, seq, replaces }: RequestNumber): Standing {
    return this.#sources.get(source)?.get(epoch)?.standing(seq, replaces) ?? 'new';
  }

  /** Marks a request that is `new` as taken. O(numbers since the last gap), at most the window. */
  claim(number: RequestNumber): Claim {
    return this.#epochOf(number).claim(number.seq, number.replaces);
  }

  /** A request that is a repeat came, perhaps with a number of its own: that is no gap. */
  pass({ source, epoch, seq }: RequestNumber): void {
    this.#sources.get(source)?.get(epoch)?.pass(seq);
  }

  /** Something of this epoch is known to be lost: its next claim tells of a gap. */
  lose({ source, epoch }: Pick<RequestNumber, 'source' | 'epoch'>): void {
    this.#sources.get(source)?.get(epoch)?.lose();
  }

  #epochOf({ source, epoch, seq, replaces }: RequestNumber): EpochWindow {
    const known = this.#sources.get(source);
    const epochs = known ?? new Map<string, EpochWindow>();
    // Set anew each time: a Map keeps the order of insertion, so the first key is the one longest silent.
    if (known !== undefined) this.#sources.delete(source);
    this.#sources.set(source, epochs);
    if (this.#sources.size > this.#limits.maxSources) this.forgottenSources += forgetFirst(this.#sources);
    // Of a source that is known, all of a new life should have come; of any other, who knows what came to whom.
    const from = known === undefined ? placeOf(seq, replaces) : 0;
    const window = epochs.get(epoch) ?? new EpochWindow(this.#limits.window, from);
    epochs.delete(epoch);
    epochs.set(epoch, window);
    if (epochs.size > this.#limits.maxEpochs) this.forgottenEpochs += forgetFirst(epochs);
    return window;
  }
}

function forgetFirst(map: Map<string, unknown>): number {
  for (const key of map.keys()) return Number(map.delete(key));
  return 0;
}

/**
 * Where a request stands in the order of sending. Requests are sent one at a time in ascending order of this, so whatever
 * is below it and did not come will not come any more.
 */
function placeOf(seq: number, replaces: readonly number[]): number {
  let place = seq;
  for (const number of replaces) if (number < place) place = number;
  return place;
}

/** Numbers of one epoch: one bit each, in rings. */
class EpochWindow {
  readonly #size: number;
  /** Taken themselves, or in parts that came in their place. */
  readonly #known: Uint32Array;
  /** Taken themselves. */
  readonly #whole: Uint32Array;
  /** Above the highest number taken. */
  #end = 0;
  /** Below this number every hole was told of. */
  #checked: number;
  #lost = false;

  constructor(size: number, checked: number) {
    this.#known = new Uint32Array(Math.ceil(size / 32));
    this.#whole = new Uint32Array(this.#known.length);
    this.#size = this.#known.length * 32;
    this.#checked = checked;
  }

  /**
   * A part of what was taken whole is a repeat: its sender never got the answer to the whole, and was told later that it is
   * too large.
   */
  standing(seq: number, replaces: readonly number[]): Standing {
    if (replaces.some((number) => number < seq && this.#has(this.#whole, number))) return 'repeat';
    if (seq >= this.#end) return 'new';
    if (seq < this.#end - this.#size) return 'too_old';
    return this.#has(this.#known, seq) ? 'repeat' : 'new';
  }

  claim(seq: number, replaces: readonly number[]): Claim {
    const place = placeOf(seq, replaces);
    const { checked, lost } = { checked: this.#checked, lost: this.#lost };
    const gap = lost || this.#hasHole(place);
    const marked = [seq, ...replaces.filter((number) => number < seq)].filter((number) => this.#mark(number));
    if (this.#isInWindow(seq)) this.#set(this.#whole, seq);
    this.#checked = Math.max(checked, place);
    this.#lost = false;
    return {
      gap,
      undo: () => {
        for (const number of marked) if (this.#isInWindow(number)) this.#clear(number);
        this.#checked = Math.min(this.#checked, checked);
        this.#lost ||= lost;
      },
    };
  }

  pass(seq: number): void {
    this.#mark(seq);
  }

  lose(): void {
    this.#lost = true;
  }

  /** Whether a number from `checked` to below `place` was never taken. */
  #hasHole(place: number): boolean {
    if (place <= this.#checked) return false;
    // Beyond the highest one nothing was taken; below the window nobody knows.
    if (place > this.#end || this.#checked < this.#end - this.#size) return true;
    for (let number = this.#checked; number < place; number++) if (!this.#has(this.#known, number)) return true;
    return false;
  }

  #isInWindow(number: number): boolean {
    return number < this.#end && number >= this.#end - this.#size;
  }

  #has(bits: Uint32Array, number: number): boolean {
    const at = number % this.#size;
    return this.#isInWindow(number) && (bits[at >>> 5]! & (1 << (at & 31))) !== 0;
  }

  #set(bits: Uint32Array, number: number): void {
    const at = number % this.#size;
    bits[at >>> 5]! |= 1 << (at & 31);
  }

  /** True when the number was not marked and is now; below the window there is nothing to mark. */
  #mark(number: number): boolean {
    if (number >= this.#end) this.#slide(number + 1);
    if (!this.#isInWindow(number) || this.#has(this.#known, number)) return false;
    this.#set(this.#known, number);
    return true;
  }

  #clear(number: number): void {
    const at = number % this.#size;
    this.#known[at >>> 5]! &= ~(1 << (at & 31));
    this.#whole[at >>> 5]! &= ~(1 << (at & 31));
  }

  /** Makes `end` the number above the highest; what comes into the window is not taken. */
  #slide(end: number): void {
    if (end - this.#end >= this.#size) {
      this.#known.fill(0);
      this.#whole.fill(0);
    } else for (let number = this.#end; number < end; number++) this.#clear(number);
    this.#end = end;
  }
}
