/** @module The attributes of a point that was read, and what of traffic they name; found out once and kept. */
import type { CoverageRecord, TrafficKey } from '../../model/traffic.ts';
import { coverageTargetOf, trafficKeyOf } from '../traffic-attributes.ts';

export type CoverageTarget = Pick<CoverageRecord, 'target' | 'mesh' | 'own'> & {
  /** Text that only this target and identity have. */
  readonly id: string;
};

export class PointAttributes {
  readonly texts: ReadonlyMap<string, string>;
  /** Names of those that are true. */
  readonly marks: ReadonlySet<string>;
  #key: TrafficKey | null | undefined;
  #target: CoverageTarget | null | undefined;

  constructor(texts: ReadonlyMap<string, string>, marks: ReadonlySet<string>) {
    this.texts = texts;
    this.marks = marks;
  }

  /** Key of the record the point belongs to; null when they name none. */
  get key(): TrafficKey | null {
    if (this.#key === undefined) this.#key = trafficKeyOf(this.texts);
    return this.#key;
  }

  /** Target the point tells of; null when they name none. */
  get target(): CoverageTarget | null {
    if (this.#target === undefined) {
      const told = coverageTargetOf(this.texts);
      this.#target = told === null ? null : { ...told, id: JSON.stringify([told.target, told.mesh, told.own]) };
    }
    return this.#target;
  }
}
