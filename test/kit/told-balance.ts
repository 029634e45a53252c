/** @module A balance that remembers what its observer was told of drops. */
import { Balance, type DropSample } from '../../pipeline/balance.ts';

export type ToldDrop = readonly [reason: string, items: number, sample: DropSample | undefined];

export class ToldBalance extends Balance {
  /** In the order of the drops, each with the sample that it was given. */
  readonly told: readonly ToldDrop[];

  constructor() {
    const told: ToldDrop[] = [];
    super((reason, items, cause) => void told.push([reason, items, cause.sample?.()]));
    this.told = told;
  }
}
