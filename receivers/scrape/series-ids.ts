/**
 * @module Series by what they are, sample name and labels, and what each of them is: the labels that the buckets of a
 * histogram and its neighbours have in common are held once, everything else is small integers.
 */
import type { Labels } from '../../pipeline/model/resource.ts';
import { labelKey, labelsOfKey } from './label-key.ts';
import { TextNumbers } from './text-numbers.ts';

/** The label that tells the buckets of a histogram apart. */
const BOUND = 'le';
const NONE = -1;
/** Slots in use of a hundred, at most. */
const FULLEST = 75;

export class SeriesIds {
  /** Texts of all labels but the bound; of sample and bound. */
  readonly #labels = new TextNumbers();
  readonly #variants = new TextNumbers();
  /** By id. -1 for an id that is not known here. */
  #labelsOf = new Int32Array(64).fill(NONE);
  #variantOf = new Int32Array(64).fill(NONE);
  /** Ids + 1 at their hash or behind it; 0 is free. */
  #slots = new Int32Array(128);
  #size = 0;
  /** What `find` looked for last, which is usually what is added next. */
  #soughtLabels = '';
  #soughtVariant = '';

  get size(): number {
    return this.#size;
  }

  /** Id of the series, -1 when it is not known. O(labels log labels). */
  find(sample: string, labels: Labels): number {
    this.#soughtLabels = labelKey(labels, BOUND);
    this.#soughtVariant = variantKey(sample, labels.get(BOUND));
    const set = this.#labels.find(this.#soughtLabels);
    const variant = this.#variants.find(this.#soughtVariant);
    return set < 0 || variant < 0 ? NONE : this.#slots[this.#slotOf(set, variant)]! - 1;
  }

  /** Remembers as `id` the series that `find` has just not found. Amortised O(1). */
  addSought(id: number): void {
    if (id >= this.#labelsOf.length) this.#grow(id + 1);
    const set = this.#labels.join(this.#soughtLabels);
    const variant = this.#variants.join(this.#soughtVariant);
    this.#labelsOf[id] = set;
    this.#variantOf[id] = variant;
    this.#size += 1;
    if (this.#size * 100 > this.#slots.length * FULLEST) this.#rehash();
    else this.#slots[this.#slotOf(set, variant)] = id + 1;
  }

  /** Forgets a series; nothing happens when `id` is not known. Amortised O(1). */
  delete(id: number): void {
    const set = this.#labelsOf[id] ?? NONE;
    if (set < 0) return;
    this.#free(this.#slotOf(set, this.#variantOf[id]!));
    this.#labels.leave(set);
    this.#variants.leave(this.#variantOf[id]!);
    this.#labelsOf[id] = NONE;
    this.#size -= 1;
  }

  /** Sample and labels of a series; null when `id` is not known. O(labels). */
  seriesOf(id: number): { readonly sample: string; readonly labels: Labels } | null {
    const set = this.#labelsOf[id] ?? NONE;
    if (set < 0) return null;
    const { sample, bound } = parseVariant(this.#variants.textOf(this.#variantOf[id]!));
    const labels = new Map(labelsOfKey(this.#labels.textOf(set)));
    if (bound !== null) labels.set(BOUND, bound);
    return { sample, labels };
  }

  /** All ids known, ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let id = 0; id < this.#labelsOf.length; id++) if (this.#labelsOf[id]! >= 0) yield id;
  }

  /** Slot of the series, or the free one where it belongs. */
  #slotOf(set: number, variant: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(set, variant) & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]! - 1;
      if (id < 0 || (this.#labelsOf[id] === set && this.#variantOf[id] === variant)) return slot;
    }
  }

  /** Empties a slot and moves back those behind it that it had displaced. */
  #free(slot: number): void {
    const mask = this.#slots.length - 1;
    let hole = slot;
    for (let next = (slot + 1) & mask; this.#slots[next] !== 0; next = (next + 1) & mask) {
      const id = this.#slots[next]! - 1;
      const home = hashOf(this.#labelsOf[id]!, this.#variantOf[id]!) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#slots[hole] = id + 1;
      hole = next;
    }
    this.#slots[hole] = 0;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (const id of this) this.#slots[this.#slotOf(this.#labelsOf[id]!, this.#variantOf[id]!)] = id + 1;
  }

  #grow(size: number): void {
    const length = Math.ceil(size * 1.25);
    this.#labelsOf = longer(this.#labelsOf, length);
    this.#variantOf = longer(this.#variantOf, length);
  }
}

function longer(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length).fill(NONE, array.length);
  grown.set(array);
  return grown;
}

/** Numbers are given in a row, so they are spread. */
function hashOf(set: number, variant: number): number {
  const mixed = Math.imul(set, 0x9e3779b1) ^ Math.imul(variant + 1, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** The length stands first, so that no sample can forge the bound of another. */
function variantKey(sample: string, bound: string | undefined): string {
  return bound === undefined ? `${sample.length}:${sample}` : `${sample.length}:${sample}=${bound}`;
}

function parseVariant(key: string): { readonly sample: string; readonly bound: string | null } {
  const start = key.indexOf(':') + 1;
  const end = start + Number(key.slice(0, start - 1));
  return { sample: key.slice(start, end), bound: end === key.length ? null : key.slice(end + 1) };
}
