/** @module The attributes of a point that was read, and what of traffic they name; found out once and kept. */
import type { CoverageRecord, TrafficKey } from '../../model/traffic.ts';
import { BOUNDS, BUCKET_COUNTS, CLASSIFICATION, coverageTargetOf, trafficKeyOf } from '../traffic-attributes.ts';

export type CoverageTarget = Pick<CoverageRecord, 'target' | 'mesh' | 'own'> & {
  /** Text that only this target and identity have. */
  readonly id: string;
};

/** Attributes that tell points of one record apart. All others name the record. */
export const POINT_NAMES: ReadonlySet<string> = new Set([CLASSIFICATION, BOUNDS, BUCKET_COUNTS]);

/** What the attributes that many points share name. */
export class PointSubject {
  readonly #texts: ReadonlyMap<string, string>;
  /** Names of those that are true. */
  readonly marks: ReadonlySet<string>;
  /** True when names of `POINT_NAMES` are among the attributes, which happens only where they are written in an odd way. */
  readonly namesPoint: boolean;
  #key: TrafficKey | null | undefined;
  #target: CoverageTarget | null | undefined;

  constructor(texts: ReadonlyMap<string, string>, marks: ReadonlySet<string>) {
    this.#texts = texts;
    this.marks = marks;
    this.namesPoint = [...POINT_NAMES].some((name) => texts.has(name));
  }

  /** Key of the record the point belongs to; null when they name none. */
  get key(): TrafficKey | null {
    if (this.#key === undefined) this.#key = trafficKeyOf(this.#texts);
    return this.#key;
  }

  /** Target the point tells of; null when they name none. */
  get target(): CoverageTarget | null {
    if (this.#target === undefined) {
      const told = coverageTargetOf(this.#texts);
      this.#target = told === null ? null : { ...told, id: JSON.stringify([told.target, told.mesh, told.own]) };
    }
    return this.#target;
  }
}

/** Attributes of one point. */
export interface PointAttributes {
  readonly subject: PointSubject;
  /** Those of `POINT_NAMES`. */
  readonly own: ReadonlyMap<string, string>;
}
