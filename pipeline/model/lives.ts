/**
 * @module The lives of a proxy: what a page tells of the process behind it, and whether that is the one seen before.
 *
 * A mesh tells the instant at which the process started, or for how long it has run. The latter may be behind by the
 * table's `uptimeLagSeconds`, so the start lies in a range: [apparent - lag, apparent], apparent = now - uptime.
 */
import type { SeriesMeaning } from './rules.ts';
import type { SeriesTable } from './series.ts';

/** Starts (seconds since the epoch) that differ by no more than this are the same start. */
export const SAME_START_SECONDS = 1;
/** Uptimes are whole seconds. */
const UPTIME_SLACK_SECONDS = 1;

/** What one page tells; NaN where it does not tell, or tells more than one. */
export interface LifeSigns {
  /** Start of the process, seconds since the epoch. */
  readonly startSeconds: number;
  /** How long it has run. */
  readonly uptimeSeconds: number;
  /** Number of the process among those that took over from one another. */
  readonly restartEpoch: number;
}

/** What is known of the life last seen. */
export interface KnownLife {
  /** As the first page that told it did; NaN before. */
  startSeconds: number;
  /** As the last good page told them; NaN where it did not. */
  uptimeSeconds: number;
  restartEpoch: number;
  /** Monotonic time (ms) at which the first and the last good page of this life were asked for. */
  firstSeenMonoMs: number;
  lastSeenMonoMs: number;
  /** Monotonic time (ms) at which the last good page had come: it was written between. */
  lastHeardMonoMs: number;
}

/** When a page was written: between two instants of monotonic time (ms). */
export interface PageTime {
  readonly askedMonoMs: number;
  readonly heardMonoMs: number;
}

/** Times of a page that was asked for at `monoMs` and took `tookMs`. */
export function pageTime(monoMs: number, tookMs = 0): PageTime {
  return { askedMonoMs: monoMs, heardMonoMs: monoMs + tookMs };
}

/** Series of one target that tell of its process. A page of many processes has many, and tells of none. */
export class LifeSeries {
  readonly #starts = new Set<number>();
  readonly #uptimes = new Set<number>();
  readonly #epochs = new Set<number>();

  /** Series `id` means `meaning` from now on, whatever it meant before. */
  bind(id: number, { role }: SeriesMeaning): void {
    this.#place(this.#starts, id, role === 'start');
    this.#place(this.#uptimes, id, role === 'uptime');
    this.#place(this.#epochs, id, role === 'restart_epoch');
  }

  #place(ids: Set<number>, id: number, belongs: boolean): void {
    if (belongs) ids.add(id);
    else if (ids.size > 0) ids.delete(id);
  }

  /** What the page of `scrape` tells. O(series that tell it). */
  read(series: SeriesTable, scrape: number): LifeSigns {
    const uptimeSeconds = only(this.#uptimes, series, scrape);
    return {
      startSeconds: only(this.#starts, series, scrape),
      uptimeSeconds: uptimeSeconds >= 0 && Number.isFinite(uptimeSeconds) ? uptimeSeconds : Number.NaN,
      restartEpoch: only(this.#epochs, series, scrape),
    };
  }
}

/** Value of the one series of `ids` that is on the page once; NaN when none is or more. */
function only(ids: ReadonlySet<number>, { seen, repeats, values }: SeriesTable, scrape: number): number {
  let value = Number.NaN;
  let found = 0;
  for (const id of ids) {
    if (seen[id] !== scrape) continue;
    found += repeats[id]!;
    value = values[id]!;
  }
  return found === 1 ? value : Number.NaN;
}

/** The life that its first good page is of. */
export function createLife(signs: LifeSigns, { askedMonoMs, heardMonoMs }: PageTime): KnownLife {
  const { startSeconds, uptimeSeconds, restartEpoch } = signs;
  return {
    startSeconds,
    uptimeSeconds,
    restartEpoch,
    firstSeenMonoMs: askedMonoMs,
    lastSeenMonoMs: askedMonoMs,
    lastHeardMonoMs: heardMonoMs,
  };
}

/** Notes one good page more of the same life. */
export function seeAgain(
  life: KnownLife,
  { startSeconds, uptimeSeconds, restartEpoch }: LifeSigns,
  { askedMonoMs, heardMonoMs }: PageTime,
): void {
  if (Number.isNaN(life.startSeconds)) life.startSeconds = startSeconds;
  life.uptimeSeconds = uptimeSeconds;
  life.restartEpoch = restartEpoch;
  life.lastSeenMonoMs = askedMonoMs;
  life.lastHeardMonoMs = heardMonoMs;
}

/** True when what a page tells cannot be the life known. What it does not tell proves nothing. */
export function beganAnew(life: KnownLife, signs: LifeSigns, time: PageTime, lagSeconds: number): boolean {
  if (tookOver(life, signs)) return true;
  const tellsStart = !Number.isNaN(signs.startSeconds) && !Number.isNaN(life.startSeconds);
  return tellsStart ? startedAnew(life, signs) : ranAnew(life, signs, time, lagSeconds);
}

/** A new process cannot have started while the old one was seen alive, whatever its clock says. */
function startedAnew(life: KnownLife, { startSeconds }: LifeSigns): boolean {
  const seenSeconds = (life.lastSeenMonoMs - life.firstSeenMonoMs) / 1000;
  const later = startSeconds - life.startSeconds;
  return later > SAME_START_SECONDS && later > seenSeconds - SAME_START_SECONDS;
}

/** A hot restart: uptime goes on, but counters begin again. */
export function tookOver(life: KnownLife, { restartEpoch }: LifeSigns): boolean {
  return Math.abs(restartEpoch - life.restartEpoch) > 0;
}

/**
 * By uptime: a life known to have run so long has run longer by now, and no page tells less than that but for the lag. A new
 * one began after the last good page; an uptime that falls although the process was there before is a clock set back.
 * Each page was written at any time while it was waited for, so there is a shortest and a longest time between the two.
 * Unsure counts as the same life: then the values decide.
 */
function ranAnew(life: KnownLife, { uptimeSeconds }: LifeSigns, time: PageTime, lagSeconds: number): boolean {
  const shortest = (time.askedMonoMs - life.lastHeardMonoMs) / 1000;
  const longest = (time.heardMonoMs - life.lastSeenMonoMs) / 1000;
  const known = Number.isNaN(life.uptimeSeconds) ? 0 : life.uptimeSeconds;
  const isSame = uptimeSeconds >= known && uptimeSeconds + lagSeconds + UPTIME_SLACK_SECONDS >= known + shortest;
  return !isSame && uptimeSeconds <= longest + UPTIME_SLACK_SECONDS;
}

/** Earliest instant (engine ms) at which the process can have started, for a page asked for at `nowMs`; NaN: not told. */
export function earliestStartMs({ startSeconds, uptimeSeconds }: LifeSigns, nowMs: number, lagSeconds: number): number {
  if (!Number.isNaN(startSeconds)) return startSeconds * 1000;
  return nowMs - (uptimeSeconds + lagSeconds) * 1000;
}

/**
 * The likeliest start (engine ms), not later than `nowMs`; NaN: not told. The middle of its range: a life of which the
 * uptime tells 0 has run for a while all the same, and its counts are spread over that while.
 */
export function likelyStartMs({ startSeconds, uptimeSeconds }: LifeSigns, nowMs: number, lagSeconds: number): number {
  if (!Number.isNaN(startSeconds)) return Math.min(startSeconds * 1000, nowMs);
  return nowMs - (uptimeSeconds + lagSeconds / 2) * 1000;
}
