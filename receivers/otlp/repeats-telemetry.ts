/** @module What happens to the file of taken requests, each as a function that logs and counts. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { errorText } from '../../pipeline/errors.ts';

/** Why a file that is there cannot be used. */
export type Unusable = 'unreadable' | 'not_a_file' | 'too_large' | 'foreign' | 'corrupt';

export interface RepeatsFileEvents {
  read(sources: number, splits: number): void;
  /** There was none: it is the first start, or the life before did not end by itself. */
  none(): void;
  unusable(kind: Unusable, reason: string): void;
  /** It was read, and a later life may read it again. */
  notRemoved(error: unknown): void;
  /** Nothing could be written when this life ends. */
  notWritable(error: unknown): void;
  /** Another life has claimed the file, or did and ended: two Weirs, or two receivers, have one path. */
  shared(): void;
  /** Nobody will be told of that. */
  notClaimed(error: unknown): void;
  /** Nothing was written, as the file is another life's now. */
  leftToOther(): void;
  written(sources: number, leftOut: number): void;
  notWritten(error: unknown): void;
  end(): void;
}

const MENDS: Readonly<Record<Unusable, string>> = {
  unreadable: 'give this user the right to read it; until then it is not written either',
  not_a_file: 'name a file in traffic.repeats_file, not a folder or a device; until then nothing is written',
  too_large: 'raise traffic.max_repeats_file_size, or remove the file; until then it is not written either',
  foreign: 'give traffic.repeats_file a path of its own for each receiver and each Weir',
  corrupt: 'nothing: a new one is written when this Weir stops',
};

const CONSEQUENCE = 'requests that were taken before, and whose answers were lost, count twice in streams';

export function createRepeatsFileEvents(
  { id, log, meters }: Pick<ReceiverSettings<unknown>, 'id' | 'log' | 'meters'>,
  file: string,
): RepeatsFileEvents {
  const outcomes = new Map<string, number>();
  const count = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const remove = meters.counter(
    'weir_otlp_traffic_repeats_file_total',
    'Readings and writings of repeats_file, by what came of them.',
    () => Array.from(outcomes, ([outcome, value]) => ({ value, attributes: { receiver: id, outcome } })),
  );
  return {
    read(sources, splits) {
      count('read');
      log.info({ file, sources, splits }, 'Requests that were taken before are known from repeats_file');
    },
    none() {
      count('none');
      log.info({ file }, 'There is no repeats_file: the first start, or the life before did not stop by itself');
    },
    unusable(kind, reason) {
      count(kind);
      const fields = { code: 'WEIR_FILE_UNREADABLE', file, reason, mend: MENDS[kind] };
      log.warn(fields, `repeats_file cannot be used: ${CONSEQUENCE}`);
    },
    notRemoved(error) {
      count('not_removed');
      const mend = 'give this user the right to write its folder';
      const fields = { code: 'WEIR_FILE_UNWRITABLE', file, reason: errorText(error), mend };
      log.warn(
        fields,
        'repeats_file cannot be removed: after a crash it would be read again, and tell gaps that are none',
      );
    },
    notWritable(error) {
      count('not_writable');
      const mend = 'make its folder, and give this user the right to write there';
      const fields = { code: 'WEIR_FILE_UNWRITABLE', file, reason: errorText(error), mend };
      log.warn(fields, `repeats_file could not be written: after a restart ${CONSEQUENCE}`);
    },
    shared() {
      count('shared');
      const mend = MENDS.foreign;
      log.error({ file, mend }, 'Another Weir has taken this repeats_file for its own while this one runs');
    },
    notClaimed(error) {
      count('not_claimed');
      const mend =
        'give this user the right to write its folder, and keep the file beside it whose name ends in .owner';
      log.warn(
        { file, reason: errorText(error), mend },
        'Nobody will be told if another Weir has the same repeats_file',
      );
    },
    leftToOther() {
      count('left_to_other');
      const fields = { code: 'WEIR_FILE_UNWRITABLE', file, mend: MENDS.foreign };
      log.error(fields, `repeats_file is another Weir's now and was not written: after a restart ${CONSEQUENCE}`);
    },
    written(sources, leftOut) {
      count('written');
      if (leftOut === 0) log.info({ file, sources }, 'Requests that were taken are written to repeats_file');
      else {
        count('left_out');
        const mend = 'raise traffic.max_repeats_file_size';
        log.warn({ file, sources, leftOut, mend }, 'repeats_file has no room for the senders longest silent');
      }
    },
    notWritten(error) {
      count('not_written');
      const mend = 'look at the folder and its disk';
      const fields = { code: 'WEIR_FILE_UNWRITABLE', file, reason: errorText(error), mend };
      log.error(fields, `repeats_file was not written: after a restart ${CONSEQUENCE}`);
    },
    end() {
      remove();
    },
  };
}
