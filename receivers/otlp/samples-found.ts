/** @module What a request holds for meshes: its points read into rows, resource by resource; nothing is applied. */
import {
  type MetricHead,
  type MetricPoint,
  type MetricsVisitor,
  type ResourceView,
  readMetricsInSteps,
} from '../../pipeline/wire/otlp-metrics.ts';
import { type InSteps, TooManyItems } from '../../pipeline/wire/otlp-traffic.ts';
import type { SamplesConfig } from './samples-config.ts';
import type { MetricNames, MetricUse } from './samples-names.ts';
import { FoundResource, type KnownResources } from './samples-resources.ts';
import type { PointRows } from './samples-rows.ts';

const DELTA = 1;
const MAX_SAMPLES_KEY = 'samples.max_samples_per_request';
const TRAFFIC_PREFIX = 'weir.';

/** Why a point can be none of a series. */
export type UnfitReason =
  | 'attribute_limit'
  | 'bucket_limit'
  | 'point_limit'
  | 'no_time'
  | 'bad_histogram'
  | 'no_temporality';

/**
 * Reads `body` into `rows`, by steps. Throws `MalformedProtobuf`, and `TooManyItems` as soon as there are more samples than
 * `max_samples_per_request`. O(bytes).
 */
export function* findSamples(
  body: Uint8Array,
  rows: PointRows,
  { names, resources, config }: { names: MetricNames; resources: KnownResources; config: SamplesConfig },
): InSteps<FoundResource[]> {
  const finder = new Finder(rows, names, resources, config);
  rows.clear();
  yield* readMetricsInSteps(body, finder);
  return finder.found().filter(({ mesh }) => mesh >= 0);
}

class Finder implements MetricsVisitor {
  readonly #found = new Map<string, FoundResource>();
  readonly #tooLong: FoundResource[] = [];
  readonly #rows: PointRows;
  readonly #names: MetricNames;
  readonly #resources: KnownResources;
  readonly #config: SamplesConfig;
  #resource: FoundResource | null = null;
  #use: MetricUse | null = null;
  /** What the metric at hand would be if it said whether its points are deltas. */
  #untold: MetricUse | null = null;
  #name = '';
  #isDelta = false;
  /** Samples so far of points that any mesh may have, to be counted or not. */
  #samples = 0;

  constructor(rows: PointRows, names: MetricNames, resources: KnownResources, config: SamplesConfig) {
    this.#rows = rows;
    this.#names = names;
    this.#resources = resources;
    this.#config = config;
  }

  found(): FoundResource[] {
    return [...this.#found.values(), ...this.#tooLong];
  }

  resource(view: ResourceView): void {
    const isTooLong = view.bytes > this.#config.max_attribute_bytes;
    this.#resource = isTooLong ? FoundResource.tooLong() : this.#resourceOf(view);
  }

  #resourceOf(view: ResourceView): FoundResource {
    const key = view.key();
    let found = this.#found.get(key);
    if (found === undefined) {
      const known = this.#resources.find(key);
      found = new FoundResource(key, known === null ? view.labels() : new Map(), known);
      this.#found.set(key, found);
    }
    return found;
  }

  metric(head: MetricHead): boolean {
    const resource = this.#resource!;
    this.#use = this.#names.find(head);
    this.#name = head.name;
    this.#untold = this.#use === null ? this.#names.findUntold(head) : null;
    const use = this.#use ?? this.#untold;
    if (use === null) return false;
    // Those that prove nothing, which may be many, are forgotten at once.
    if (resource.isTooLong && resource.mesh < 0 && use.proves >= 0) this.#tooLong.push(resource);
    resource.prove(use.proves);
    this.#isDelta = head.temporality === DELTA;
    return this.#use !== null;
  }

  /** Weir's own metrics are traffic, or no good; they are never a proxy's. */
  unread(points: number): void {
    if (points > 0 && this.#untold !== null) this.#dropUntold(this.#untold, points);
    else if (points > 0 && !this.#name.startsWith(TRAFFIC_PREFIX)) this.#resource!.pass(this.#name, points);
  }

  #dropUntold(use: MetricUse, points: number): void {
    this.#resource!.count(this.#name, use, points);
    this.#resource!.drop({ use, reason: 'no_temporality', samples: points, told: points, detail: '' });
  }

  /** Longer than any limit allows, so that it is not known how many samples it is. */
  tooLong(): void {
    this.#resource!.count(this.#name, this.#use!);
    this.#resource!.drop({ use: this.#use!, reason: 'point_limit', samples: 1, told: 1, detail: '' });
  }

  point(point: MetricPoint): void {
    const resource = this.#resource!;
    const use = this.#use!;
    this.#spend(use, point);
    resource.count(this.#name, use);
    const reason = resource.isTooLong ? 'attribute_limit' : this.#unfit(use, point);
    if (reason !== null) {
      const detail = reason === 'bad_histogram' ? bucketsText(point) : '';
      resource.drop({ use, reason, samples: samplesOf(use, point), told: Number(point.isRecorded), detail });
      return;
    }
    const series = resource.known?.find(use, point.attributeKey()) ?? null;
    // The end of something that is not known tells nothing.
    if (series === null && !point.isRecorded) resource.endUnknown(use, samplesOf(use, point));
    else resource.rows.push(this.#rows.add(use, point, this.#isDelta, series));
  }

  /** Points are cheap to send, and what becomes of their buckets is not. */
  #spend({ form }: MetricUse, { counts }: MetricPoint): void {
    const { max_samples_per_request: maxSamples } = this.#config;
    this.#samples += form === 'histogram' ? counts.length + 2 : 1;
    if (this.#samples > maxSamples) throw new TooManyItems('samples', maxSamples, MAX_SAMPLES_KEY);
  }

  #unfit({ form }: MetricUse, point: MetricPoint): UnfitReason | null {
    const { max_attribute_bytes: maxBytes, max_buckets: maxBuckets } = this.#config;
    if (!(point.timeMs > 0)) return 'no_time';
    if (point.attributeBytes > maxBytes) return 'attribute_limit';
    if (form !== 'histogram') return null;
    if (point.bounds.length >= maxBuckets) return 'bucket_limit';
    return isHistogram(point) ? null : 'bad_histogram';
  }
}

/** Bounds ascend and there is a count for each and one more; or there is neither. */
function isHistogram({ bounds, counts }: MetricPoint): boolean {
  if (counts.length !== bounds.length + 1) return counts.length === 0 && bounds.length === 0;
  for (let i = 0; i < bounds.length; i++) {
    if (!Number.isFinite(bounds.values[i]!) || (i > 0 && bounds.values[i]! <= bounds.values[i - 1]!)) return false;
  }
  return true;
}

function bucketsText({ bounds, counts }: MetricPoint): string {
  const disordered = counts.length === bounds.length + 1 ? ' that do not ascend' : '';
  return `${bounds.length} bounds${disordered} and ${counts.length} counts`;
}

function samplesOf({ form }: MetricUse, { counts }: MetricPoint): number {
  return form === 'histogram' ? Math.max(1, counts.length) : 1;
}
