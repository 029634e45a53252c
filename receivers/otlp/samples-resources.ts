/** @module Resources that proxies were found under, and which series the attributes of their points are. */
import type { Labels } from '../../pipeline/model/resource.ts';
import type { ResourceIdentity } from './samples-identity.ts';
import type { MetricUse } from './samples-names.ts';
import type { PointSeries } from './samples-series.ts';
import type { SampledTarget } from './samples-target.ts';

/** One resource as its bytes tell it. */
export class KnownResource {
  readonly identity: ResourceIdentity;
  /** Number of its mesh. */
  readonly mesh: number;
  /** Engine time (ms) at which something of it last came. */
  heardMs = 0;
  /** Whose its points are that do not tell it themselves; null while none came. */
  target: SampledTarget | null = null;
  readonly #series = new Map<MetricUse, Map<string, PointSeries>>();

  constructor(identity: ResourceIdentity, mesh: number) {
    this.identity = identity;
    this.mesh = mesh;
  }

  /** The series of points of a metric with such attributes; null when it is not known. */
  find(use: MetricUse, key: string): PointSeries | null {
    const series = this.#series.get(use)?.get(key);
    return series === undefined || series.standing === 'forgotten' || series.target.isGone ? null : series;
  }

  /** Returns how many more are remembered. */
  remember(use: MetricUse, key: string, series: PointSeries): number {
    const known = this.#series.get(use) ?? new Map<string, PointSeries>();
    this.#series.set(use, known);
    const before = known.size;
    known.set(key, series);
    return known.size - before;
  }

  /** Forgets what leads to series that are forgotten; returns how many are left. */
  sweep(): number {
    let left = 0;
    for (const known of this.#series.values()) {
      for (const [key, { standing, target }] of known) if (standing === 'forgotten' || target.isGone) known.delete(key);
      left += known.size;
    }
    return left;
  }
}

/** Of one receiver; bounded in resources and in attributes remembered. */
export class KnownResources {
  readonly #byKey = new Map<string, KnownResource>();
  readonly #maxResources: number;
  readonly #maxAttributes: number;
  #attributes = 0;
  /** Resources forgotten, and attributes not remembered, because of the limits: these are read anew each time. */
  forgotten = 0;
  unremembered = 0;

  constructor(maxResources: number, maxAttributes: number) {
    this.#maxResources = maxResources;
    this.#maxAttributes = maxAttributes;
  }

  find(key: string): KnownResource | null {
    return this.#byKey.get(key) ?? null;
  }

  /** Remembers a resource; the one known longest is forgotten when there are too many, and read anew when it is back. */
  add(key: string, resource: KnownResource): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, resource);
    if (this.#byKey.size <= this.#maxResources) return;
    for (const oldest of this.#byKey.keys()) {
      this.#byKey.delete(oldest);
      this.forgotten += 1;
      return;
    }
  }

  /** Remembers which series attributes are, as long as there is room; else they are read each time. */
  remember(resource: KnownResource, use: MetricUse, key: string, series: PointSeries): void {
    if (this.#attributes < this.#maxAttributes) this.#attributes += resource.remember(use, key, series);
    else this.unremembered += 1;
  }

  /** Forgets resources of which nothing came since `sinceMs`, and what leads to series that are over. O(attributes). */
  sweep(sinceMs: number): void {
    this.#attributes = 0;
    for (const [key, resource] of this.#byKey) {
      if (resource.heardMs < sinceMs) this.#byKey.delete(key);
      else this.#attributes += resource.sweep();
    }
  }
}

/** Points of a metric that can be of no series. */
export interface Unfit {
  readonly use: MetricUse;
  /** '' for the end of one that is not known. */
  readonly reason: string;
  readonly samples: number;
  /** Those of them that their sender is told of. */
  readonly told: number;
  /** What one of them has, for people, '' for nothing worth telling. */
  readonly detail: string;
}

/** What a request has of one resource, before anything of it is applied. */
export class FoundResource {
  readonly key: string;
  readonly labels: Labels;
  readonly known: KnownResource | null;
  /** Longer than `max_attribute_bytes`: nobody's proxy has it, and remembering it would be a cheap way to fill memory. */
  readonly isTooLong: boolean;
  /** Mesh that its metrics prove; -1 while none does. */
  mesh: number;
  /** Its rows, in order. */
  readonly rows: number[] = [];
  /** Samples of points that can be of no series, and of ends of unknown ones ('' as reason), metric by metric. */
  readonly unfit: Unfit[] = [];
  readonly #points = new Map<string, { readonly use: MetricUse; points: number }>();
  readonly #passed = new Map<string, number>();

  static tooLong(): FoundResource {
    return new FoundResource('', new Map(), null, true);
  }

  constructor(key: string, labels: Labels, known: KnownResource | null, isTooLong = false) {
    this.key = key;
    this.labels = labels;
    this.known = known;
    this.isTooLong = isTooLong;
    this.mesh = known?.mesh ?? -1;
  }

  prove(mesh: number): void {
    if (mesh >= 0 && (this.mesh < 0 || mesh < this.mesh)) this.mesh = mesh;
  }

  /** Points of this metric are there. */
  count(name: string, use: MetricUse, points = 1): void {
    const known = this.#points.get(name);
    if (known === undefined) this.#points.set(name, { use, points });
    else known.points += points;
  }

  /** Points of this metric are there, which nothing downstream asks for. */
  pass(name: string, points: number): void {
    this.#passed.set(name, (this.#passed.get(name) ?? 0) + points);
  }

  drop(unfit: Unfit): void {
    this.unfit.push(unfit);
  }

  endUnknown(use: MetricUse, samples: number): void {
    this.unfit.push({ use, reason: '', samples, told: 0, detail: '' });
  }

  /** Points that are of the mesh, by the name of their metric. */
  *taken(): Generator<readonly [name: string, points: number]> {
    for (const [name, { use, points }] of this.#points) if (this.wants(use)) yield [name, points];
  }

  /** Points that nothing downstream asks for of this mesh, by the name of their metric. A name may come twice. */
  *unwanted(): Generator<readonly [name: string, points: number]> {
    yield* this.#passed;
    for (const [name, { use, points }] of this.#points) if (!this.wants(use)) yield [name, points];
  }

  /** Whether points of such a metric are of the mesh. */
  wants({ form, samples }: MetricUse): boolean {
    return this.mesh >= 0 && (form === 'up' || samples[this.mesh] !== null);
  }
}
