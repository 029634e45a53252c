/**
 * @module The process behind a proxy as its scrapes tell it: what decides here whether a new one began is told to `smi` with
 * the page, which decides nothing of its own then.
 */
import {
  beganAnew,
  createLife,
  earliestStartMs,
  type KnownLife,
  type LifeSigns,
  pageTime,
  seeAgain,
} from '../../pipeline/model/lives.ts';

export class PageLife {
  readonly #lagSeconds: number;
  #known: KnownLife | null = null;
  /** Whether the proxy tells of its process at all. */
  isTold = false;
  /** Earliest engine time (ms) at which the process of the first scrape can have begun; -Infinity when nothing tells it. */
  startMs = Number.NEGATIVE_INFINITY;

  /** How far behind uptimes may be, ms. */
  constructor(lagMs: number) {
    this.#lagSeconds = lagMs / 1000;
  }

  /** The first scrape of all, at `atMs` (engine time); `monoMs` is the time line that lengths are measured on. */
  begin(signs: LifeSigns, atMs: number, monoMs: number): void {
    const startMs = earliestStartMs(signs, atMs, this.#lagSeconds);
    if (!Number.isNaN(startMs)) this.startMs = startMs;
    this.#known = createLife(signs, pageTime(monoMs));
  }

  /**
   * What a scrape after it tells; true when it is of another process. To be called only where something of the process came,
   * since what is shown again of it is no proof that it still lived.
   */
  isNew(signs: LifeSigns, monoMs: number): boolean {
    const time = pageTime(monoMs);
    const isNew = this.#known !== null && beganAnew(this.#known, signs, time, this.#lagSeconds);
    if (this.#known === null || isNew) this.#known = createLife(signs, time);
    else seeAgain(this.#known, signs, time);
    return isNew;
  }
}
