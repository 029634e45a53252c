/**
 * @module Ids of series by what they are, sample name and labels: the digest of the labels that the buckets of a
 * histogram and its neighbours have in common is held once, everything else is small integers. The scanner has the texts.
 */
import type { Labels } from '../../pipeline/model/resource.ts';
import { grown, isCrowded, resized, slotOf, slotsFor } from '../../pipeline/model/room.ts';
import { digestOf } from './digest.ts';
import { labelKey } from './label-key.ts';
import { TextNumbers } from './text-numbers.ts';

/** The label that tells the buckets of a histogram apart. */
const BOUND = 'le';
const NONE = -1;

export class SeriesIds {
  /** Digests of all labels but the bound; texts of sample and bound. */
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
    this.#soughtLabels = digestOf(labelKey(labels, BOUND));
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
    if (isCrowded(this.#slots.length, this.#size)) this.#rehash(grown(this.#size));
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

  /** All ids known, ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let id = 0; id < this.#labelsOf.length; id++) if (this.#labelsOf[id]! >= 0) yield id;
  }

  /** Slot of the series, or the free one where it belongs. */
  #slotOf(set: number, variant: number): number {
    const slots = this.#slots.length;
    for (let slot = slotOf(hashOf(set, variant), slots); ; slot = (slot + 1) % slots) {
      const id = this.#slots[slot]! - 1;
      if (id < 0 || (this.#labelsOf[id] === set && this.#variantOf[id] === variant)) return slot;
    }
  }

  /** Empties a slot and moves back those behind it that it had displaced. */
  #free(slot: number): void {
    const slots = this.#slots.length;
    let hole = slot;
    for (let next = (slot + 1) % slots; this.#slots[next] !== 0; next = (next + 1) % slots) {
      const id = this.#slots[next]! - 1;
      const home = slotOf(hashOf(this.#labelsOf[id]!, this.#variantOf[id]!), slots);
      if ((next - home + slots) % slots < (next - hole + slots) % slots) continue;
      this.#slots[hole] = id + 1;
      hole = next;
    }
    this.#slots[hole] = 0;
  }

  #rehash(count: number): void {
    this.#slots = new Int32Array(slotsFor(count));
    for (const id of this) this.#slots[this.#slotOf(this.#labelsOf[id]!, this.#variantOf[id]!)] = id + 1;
  }

  #grow(size: number): void {
    const length = Math.max(size, grown(this.#labelsOf.length));
    this.#labelsOf = longer(this.#labelsOf, length);
    this.#variantOf = longer(this.#variantOf, length);
  }
}

function longer(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  return resized(array, length).fill(NONE, array.length);
}

/** Numbers are given in a row, so they are spread. */
function hashOf(set: number, variant: number): number {
  const mixed = Math.imul(set, 0x9e3779b1) ^ Math.imul(variant + 1, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
}

/** The length stands first, so that no sample can forge the bound of another. */
function variantKey(sample: string, bound: string | undefined): string {
  return bound === undefined ? `${sample.length}:${sample}` : `${sample.length}:${sample}=${bound}`;
}
