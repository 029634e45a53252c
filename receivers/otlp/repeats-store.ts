/**
 * @module What was taken, handed from one life of the receiver to the next in a file: read and removed at start, written at
 * stop (docs/adr/0013).
 */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { errorText } from '../../pipeline/errors.ts';
import { type StateFile, TooLarge } from '../../pipeline/net/state-file.ts';
import type { OtlpConfig } from './config.ts';
import type { Repeats } from './repeats.ts';
import { isOurs, readTaken, type TakenRequests, writeTaken } from './repeats-format.ts';
import { createRepeatsFileEvents, type RepeatsFileEvents } from './repeats-telemetry.ts';
import type { SplitRequests } from './split-requests.ts';

/** How long (ms) a stop waits for the disk: what comes after it has to flush as well. */
export const WRITE_MS = 5000;

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

  constructor(options: RepeatsStoreOptions) {
    this.#options = options;
  }

  /** Takes over what the life before left. Never rejects: without it Weir starts as if nothing had been taken. */
  async load(): Promise<void> {
    const { file, events } = this.#options;
    await file.check().catch((error: unknown) => events.notWritable(error));
    try {
      const text = await file.read();
      this.#mayWrite = text === null || isOurs(text);
      if (text === null) events.none();
      else await this.#use(text);
    } catch (error) {
      events.unusable(error instanceof TooLarge ? 'too_large' : 'unreadable', errorText(error));
    }
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
    if (this.#mayWrite) await this.#write();
    this.#mayWrite = false;
    this.#options.events.end();
  }

  async #write(): Promise<void> {
    const { file, receiver, maxBytes, clock, repeats, splits, events } = this.#options;
    repeats.undoOpen();
    const taken = { sources: [...repeats.states()], splits: [...splits.states()] };
    if (taken.sources.length === 0) return;
    const { text, leftOut } = writeTaken(taken, receiver, maxBytes);
    try {
      await inTime(file.write(text), clock);
      events.written(taken.sources.length - leftOut, leftOut);
    } catch (error) {
      events.notWritten(error);
    }
  }
}

/** As `work`, but rejects after `WRITE_MS`; what is still written then may come to its end all the same. */
async function inTime(work: Promise<void>, clock: Clock): Promise<void> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(WRITE_MS, () => reject(new Error(`the disk did not answer within ${WRITE_MS / 1000}s`)));
    stop = () => timer.cancel();
  });
  await Promise.race([work, late]).finally(stop);
}
