/**
 * @module How much of a request is read between two steps, so that whoever runs several by turns is never held for long.
 *
 * Work is counted, not timed: in bytes that are read, and in what each field and each thing made of them costs beside.
 */
import type { ProtobufReader } from '../protobuf/reader.ts';

/** Work of one step. Bytes take from 2 ns (fields passed over) to 50 ns (attributes read for the first time) each. */
const STEP_WORK = 16 * 1024;
/** What going to a field and behind it costs, as bytes. */
export const FIELD_WORK = 16;
/** What it costs to make something of a message, a point or a resource, as bytes. */
export const ITEM_WORK = 128;
/**
 * Points and resources up to this long are read in one go, so that each is one piece of work. Nobody's are as long; longer
 * ones are gone through by steps, and nothing is made of them. Room for 10,000 buckets.
 */
export const LONGEST_POINT = 192 * 1024;
export const LONGEST_RESOURCE = 16 * 1024;
/** The same of the attributes of a point: they take up to 1 µs each, and 8 bytes. */
export const LONGEST_ATTRIBUTES = 32 * 1024;

/** Work done step by step: the generator lets go between two steps. */
export type InSteps<T> = Generator<void, T, void>;

export class Pace {
  #done = 0;

  /** Adds work; true when that makes a step full: let go then. */
  isStep(work: number): boolean {
    this.#done += work;
    if (this.#done < STEP_WORK) return false;
    this.#done = 0;
    return true;
  }
}

/** What the steps come to, without a pause. */
export function inOneGo<T>(steps: InSteps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Where the message at the reader's field stands; goes behind it. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Messages around its insides. */
  readonly depth: number;
}

export function rangeOf(reader: ProtobufReader): Range {
  const outer = reader.enter();
  const { position: from, depth } = reader;
  reader.leave(outer);
  return { from, to: reader.position, depth };
}
