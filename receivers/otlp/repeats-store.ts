/**
 * @module What was taken, handed from one life of the receiver to the next in a file: read and removed at start, written at
 * stop (docs/adr/0013).
 */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { errorText } from '../../pipeline/errors.ts';
import { NotAFile, type StateFile, TooLarge } from '../../pipeline/net/state-file.ts';
import type { OtlpConfig } from './config.ts';
import type { Repeats } from './repeats.ts';
import { isOurs, readTaken, type TakenRequests, writeTaken } from './repeats-format.ts';
import { createRepeatsFileEvents, type RepeatsFileEvents, type Unusable } from './repeats-telemetry.ts';
import type { SplitRequests } from './split-requests.ts';

/** How long (ms) a stop waits for the disk: what comes after it has to flush as well. */
export const WRITE_MS = 5000;
/** How often (ms) it is looked whether the file is still this life's. */
export const OWNER_CHECK_MS = 10_000;

/** Opens the file at a path; at most so many bytes are read. */
export type OpenStateFile = (path: string, maxBytes: number) => StateFile;

/** The store that a receiver is configured with; null when what was taken is known in memory only. */
export function createRepeatsStore(
  settings: ReceiverSettings<OtlpConfig>,
  known: Pick<RepeatsStoreOptions, 'repeats' | 'splits'>,
  open: OpenStateFile,
): RepeatsStore | null {
  const { repeats_file: path, max_repeats_file_size: maxBytes } = settings.config.traffic;
  if (path === undefined) return null;
  const events = createRepeatsFileEvents(settings, path);
  return new RepeatsStore({
    ...known,
    file: open(path, maxBytes),
    receiver: settings.id,
    maxBytes,
    clock: settings.clock,
    events,
  });
}

export interface RepeatsStoreOptions {
  readonly file: StateFile;
  /** Id of the receiver: the file is its alone. */
  readonly receiver: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly repeats: Repeats;
  readonly splits: SplitRequests;
  readonly events: RepeatsFileEvents;
}

export class RepeatsStore {
  readonly #options: RepeatsStoreOptions;
  /** Set once it is known that nothing of anybody else's would be written over. */
  #mayWrite = false;
  /** Of this life, once it has begun. */
  #life = '';
  #timer: Timer | null = null;
  #isEnded = false;
  /** Somebody has been told that another life has the file. */
  #isShared = false;

  constructor(options: RepeatsStoreOptions) {
    this.#options = options;
  }

  /** Takes over what the life before left. Never rejects: without it Weir starts as if nothing had been taken. */
  async load(): Promise<void> {
    this.#life = this.#options.clock.randomId();
    // Claimed before it is read: a life that ends meanwhile either has written it, or sees that it is to leave it alone.
    const isClaimed = (await this.#isWritable()) && (await this.#claim());
    await this.#read();
    if (!isClaimed) return;
    if (this.#mayWrite) this.#watch();
    else await this.#release();
  }

  async #isWritable(): Promise<boolean> {
    const { file, events } = this.#options;
    try {
      await file.check();
      return true;
    } catch (error) {
      events.notWritable(error);
      return false;
    }
  }

  async #read(): Promise<void> {
    const { file, events } = this.#options;
    try {
      const text = await file.read();
      this.#mayWrite = text === null || isOurs(text);
      if (text === null) events.none();
      else await this.#use(text);
    } catch (error) {
      events.unusable(unusableBy(error), errorText(error));
    }
  }

  /** A claim from before is no obstacle: whoever made it may have crashed, and else sees this one. */
  async #claim(): Promise<boolean> {
    const { file, events } = this.#options;
    try {
      await file.claim(this.#life);
      return true;
    } catch (error) {
      events.notClaimed(error);
      return false;
    }
  }

  /** A claim that stays is one of a life that is gone, which the next one writes over. */
  async #release(): Promise<void> {
    await this.#options.file.release(this.#life).catch(() => undefined);
  }

  #watch(): void {
    if (this.#isEnded) return;
    this.#timer = this.#options.clock.after(OWNER_CHECK_MS, () => void this.#look());
  }

  /** Looks whether two have one file while both live: whoever was first sees it. */
  async #look(): Promise<void> {
    const { file } = this.#options;
    const owner = await file.owner().catch(() => this.#life);
    if (this.#isEnded) return;
    if (owner !== this.#life) this.#tellShared();
    if (owner === this.#life) this.#watch();
    else if (owner === null) await this.#claimAgain();
  }

  /** Whoever released it has ended, so that it is this life's again. */
  async #claimAgain(): Promise<void> {
    if (!(await this.#claim())) return;
    if (this.#isEnded) return this.#release();
    this.#isShared = false;
    this.#watch();
  }

  #tellShared(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    this.#options.events.shared();
  }

  /** False when another life has claimed it, which was told. When that cannot be known, it is as if nobody had. */
  async #isOurs(): Promise<boolean> {
    const owner = await this.#options.file.owner().catch(() => null);
    if (owner === null || owner === this.#life) return true;
    this.#tellShared();
    return false;
  }

  async #use(text: string): Promise<void> {
    const { file, receiver, events } = this.#options;
    const found = readTaken(text, receiver);
    if (found.kind !== 'read') {
      events.unusable(found.kind, found.reason);
      return;
    }
    this.#restore(found.taken);
    await file.remove().catch((error: unknown) => events.notRemoved(error));
  }

  #restore({ sources, splits }: TakenRequests): void {
    const { repeats, events } = this.#options;
    for (const source of sources) repeats.restore(source);
    for (const split of splits) this.#options.splits.restore(split);
    events.read(sources.length, splits.length);
  }

  /** Leaves what is known to the next life, without what nobody has decided, and ends. Never rejects. */
  async save(): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    if (this.#mayWrite) await this.#write();
    this.#mayWrite = false;
    this.#options.events.end();
  }

  async #write(): Promise<void> {
    const { receiver, maxBytes, clock, repeats, splits, events } = this.#options;
    repeats.undoOpen();
    const taken = { sources: [...repeats.states()], splits: [...splits.states()] };
    const { text, leftOut } = writeTaken(taken, receiver, maxBytes);
    try {
      const isWritten = await inTime(this.#leave(taken.sources.length === 0 ? null : text), clock);
      if (isWritten) events.written(taken.sources.length - leftOut, leftOut);
    } catch (error) {
      events.notWritten(error);
    }
  }

  /** Writes `text`, unless it is null, and lets go of the file; false when nothing was written. */
  async #leave(text: string | null): Promise<boolean> {
    const { file, events } = this.#options;
    if (!(await this.#isOurs())) {
      if (text !== null) events.leftToOther();
      return false;
    }
    if (text !== null) await file.write(text);
    await this.#release();
    return text !== null;
  }
}

function unusableBy(error: unknown): Unusable {
  if (error instanceof TooLarge) return 'too_large';
  return error instanceof NotAFile ? 'not_a_file' : 'unreadable';
}

/** As `work`, but rejects after `WRITE_MS`; what is still written then may come to its end all the same. */
async function inTime<Result>(work: Promise<Result>, clock: Clock): Promise<Result> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(WRITE_MS, () => reject(new Error(`the disk did not answer within ${WRITE_MS / 1000}s`)));
    stop = () => timer.cancel();
  });
  return Promise.race([work, late]).finally(stop);
}
