/**
 * @module Which numbered requests of which Weirs were taken, so that repeats are known and gaps are told (design §6,
 * docs/adr/0013).
 *
 * A window of numbers is kept for each life (epoch) of a source, not only the newest one: the halves of a request that was
 * too large have new numbers and come before lower ones.
 */
import { EpochWindow, type Standing, type WindowState } from './epoch-window.ts';
import { SourceLives } from './source-lives.ts';

export type { Standing } from './epoch-window.ts';

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

export interface Claim {
  /** True when something that the source sent before this never came, and nobody was told yet. */
  readonly gap: boolean;
  /** True when nothing is remembered of the source, so that an earlier life of this Weir may have taken the request. */
  readonly isFirst: boolean;
  /** True when several Weirs go by the name of the source. */
  readonly isShared: boolean;
  /** The request was taken over. */
  keep(): void;
  /** Takes the claim back: the request was not taken over and may come again. */
  undo(): void;
}

/** All that is known of one source. */
export interface SourceState {
  readonly source: string;
  /** In the order in which they were last heard. */
  readonly epochs: readonly EpochState[];
}

export interface EpochState extends WindowState {
  readonly epoch: string;
  /** Of those known it is the one that began last. */
  readonly isNewest: boolean;
}

export class Repeats {
  readonly #limits: RepeatLimits;
  readonly #nowMs: () => number;
  /** In the order in which they were last heard. */
  readonly #sources = new Map<string, SourceLives>();
  /** Claims of which nobody has said yet what became of the request; bounded by the requests being taken. */
  readonly #open = new Set<Claim>();
  /** Sources and epochs forgotten because of the limits. */
  forgottenSources = 0;
  forgottenEpochs = 0;

  /** `nowMs` is any time that never goes back, milliseconds. */
  constructor(limits: RepeatLimits, nowMs: () => number = () => 0) {
    this.#limits = limits;
    this.#nowMs = nowMs;
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
    const isFirst = !this.#sources.has(number.source);
    const { window: size, maxEpochs: maxLives } = this.#limits;
    const found = this.#livesOf(number.source).hear(number, { window: size, maxLives, nowMs: this.#nowMs() });
    this.forgottenEpochs += found.forgotten;
    const { gap, undo } = found.window.claim(number.seq, number.replaces);
    const close = () => this.#open.delete(claim);
    const claim: Claim = {
      ...{ gap, isFirst, isShared: found.isShared },
      keep: () => void close(),
      undo: () => {
        if (close()) undo();
      },
    };
    this.#open.add(claim);
    return claim;
  }

  /** A request that is a repeat came, perhaps with a number of its own: that is no gap. */
  pass({ source, epoch, seq }: RequestNumber): void {
    this.#sources.get(source)?.get(epoch)?.pass(seq);
  }

  /** Something of this epoch is known to be lost: its next claim tells of a gap. */
  lose({ source, epoch }: Pick<RequestNumber, 'source' | 'epoch'>): void {
    this.#sources.get(source)?.get(epoch)?.lose();
  }

  /** Takes back all claims that nobody has decided: what may not have been taken over is new to whoever comes next. */
  undoOpen(): void {
    for (const claim of this.#open) claim.undo();
  }

  /** What is known, source by source, the one longest silent first. O(window) for each epoch. */
  *states(): Generator<SourceState> {
    for (const [source, lives] of this.#sources) {
      const epochs = Array.from(lives.entries(), ([epoch, window, isNewest]) => ({
        ...{ epoch, isNewest },
        ...window.state(),
      }));
      yield { source, epochs };
    }
  }

  /** Goes on with what another one knew of a source of which nothing is known here, as the one heard last. */
  restore({ source, epochs }: SourceState): void {
    const lives = this.#livesOf(source);
    for (const { epoch, isNewest, ...state } of epochs) {
      const window = EpochWindow.restored(this.#limits.window, state);
      this.forgottenEpochs += lives.restore(epoch, window, isNewest, this.#limits.maxEpochs, this.#nowMs());
    }
  }

  #livesOf(source: string): SourceLives {
    const lives = this.#sources.get(source) ?? new SourceLives();
    // Set anew each time: a Map keeps the order of insertion, so the first key is the one longest silent.
    this.#sources.delete(source);
    this.#sources.set(source, lives);
    if (this.#sources.size > this.#limits.maxSources) this.#forgetFirst();
    return lives;
  }

  #forgetFirst(): void {
    for (const source of this.#sources.keys()) {
      this.#sources.delete(source);
      this.forgottenSources += 1;
      return;
    }
  }
}
