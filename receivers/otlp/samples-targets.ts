/** @module All proxies that Collectors send points of: found by what tells whose the points are, and gone when silent. */
import type { Target } from '../../pipeline/batch.ts';
import type { TargetStatus } from '../../pipeline/component.ts';
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import type { OwnerSource } from '../scrape/identity.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import type { RowPool } from './samples-held.ts';
import { dividedLabels, whoseProxy } from './samples-identity.ts';
import type { KnownResource } from './samples-resources.ts';
import type { UnknownSeries } from './samples-rows.ts';
import { SampledTarget } from './samples-target.ts';
import type { TargetEvents } from './samples-target-settings.ts';
import type { ScrapeTimes } from './samples-times.ts';

export interface TargetsSettings {
  readonly receiver: string;
  readonly tables: readonly MeshRules[];
  readonly budget: SeriesBudget;
  readonly maxTargets: number;
  readonly intervalMs: number;
  readonly watchStartMs: number;
  readonly events: TargetEvents;
  readonly pool: RowPool;
  readonly found: (target: Target, source: OwnerSource) => void;
  readonly left: (target: Target) => void;
}

/** The proxy that a point is of, and those of its labels that do not tell that. */
export interface PointOwner {
  readonly target: SampledTarget;
  readonly labels: Labels;
}

const NO_LABELS: Labels = new Map();
const NOBODY: Identity = {
  workload: { cluster: '', namespace: '', name: '', kind: '' },
  ...{ pod: '', podUid: '', node: '', serviceAccount: '' },
};

export class SampledTargets {
  readonly #settings: TargetsSettings;
  readonly #byKey = new Map<string, SampledTarget>();
  /** Stands for any target where nothing depends on which. */
  readonly #probe: Target;

  constructor(settings: TargetsSettings) {
    const { receiver, tables, intervalMs } = settings;
    this.#settings = settings;
    const rules = tables[0]!;
    this.#probe = { key: '', receiver, address: '', own: NOBODY, rules, series: new SeriesTable(), intervalMs };
  }

  get size(): number {
    return this.#byKey.size;
  }

  any(): Target {
    return this.#probe;
  }

  /** Whose points with these attributes are; null when there is no room for one more. O(labels). */
  ownerOf(resource: KnownResource, { labels }: UnknownSeries): PointOwner | null {
    const { whose, others } = dividedLabels(labels, resource.identity);
    const target = whose.size === 0 ? this.#soleOf(resource) : this.#targetOf(resource, whose);
    return target === null ? null : { target, labels: others };
  }

  /** Of most resources all points are of one proxy. */
  #soleOf(resource: KnownResource): SampledTarget | null {
    if (resource.target === null || resource.target.isGone) resource.target = this.#targetOf(resource, NO_LABELS);
    return resource.target;
  }

  #targetOf(resource: KnownResource, whose: Labels): SampledTarget | null {
    const { receiver, tables, budget, maxTargets, intervalMs, watchStartMs, events, pool } = this.#settings;
    const rules = tables[resource.mesh]!;
    const { own, source, key } = whoseProxy(receiver, rules.mesh, resource.identity, whose);
    const known = this.#byKey.get(key);
    if (known !== undefined && !known.isGone) return known;
    if (known === undefined && this.#byKey.size >= maxTargets) return null;
    const { address } = resource.identity;
    const target = new SampledTarget({
      ...{ key, receiver, address, own, source, rules, budget, intervalMs, watchStartMs, events, pool },
    });
    this.#byKey.set(key, target);
    this.#settings.found(target.target, source);
    return target;
  }

  /** Tells what is overdue at `steadyMs`, and lets go whoever was last heard before `sinceMs`; both are steady. */
  look(steadyMs: number, sinceMs: number): void {
    for (const target of this.#byKey.values()) {
      // What is held is heard of.
      if (target.isHeld) continue;
      if (target.times.heardSteadyMs >= sinceMs) target.tellOverdue(steadyMs);
      else target.leave(target.times.aliveMs);
    }
    this.forgetGone();
  }

  /** The resource is of another mesh than was thought: its proxies so far are gone. */
  leaveOf(resource: KnownResource, nowMs: number): void {
    const { job, instance } = resource.identity;
    const { mesh } = this.#settings.tables[resource.mesh]!;
    const start = JSON.stringify([this.#settings.receiver, mesh, job, instance]).slice(0, -1);
    for (const [key, target] of this.#byKey) if (key.startsWith(`${start},`)) target.leave(nowMs);
    this.forgetGone();
  }

  leaveAll(): void {
    for (const target of this.#byKey.values()) target.leave(target.times.aliveMs);
    this.forgetGone();
  }

  forgetGone(): void {
    for (const [key, target] of this.#byKey) {
      if (!target.isGone) continue;
      this.#byKey.delete(key);
      this.#settings.left(target.target);
    }
  }

  /** O(targets). */
  statuses(intervalMs: number): TargetStatus[] {
    return [...this.#byKey.values()].map((sampled) => {
      const { target, source, times, samples, failures } = sampled;
      const { receiver, address, own } = target;
      const { namespace, name: workload, kind } = own.workload;
      return {
        ...{ receiver, address, url: '', namespace, workload, kind, pod: own.pod, identity: source, refused: false },
        ...{ health: healthOf(sampled), samples, consecutiveFailures: failures, intervalMs },
        ...{ lastScrapeMs: times.timeMs === 0 ? null : times.heardMs, lastDurationMs: null },
        lastError: errorOf(sampled),
      } satisfies TargetStatus;
    });
  }
}

function healthOf({ isUp, isSilent }: SampledTarget): TargetStatus['health'] {
  if (isSilent || isUp === false) return 'down';
  return isUp === null ? 'unknown' : 'up';
}

function errorOf({ isUp, isSilent, times }: SampledTarget): string {
  if (isSilent) return `nothing came since ${new Date(times.heardMs).toISOString()}${clockText(times)}`;
  return isUp === false ? 'the Collector says that its scrape failed' : '';
}

/** What is to be known of a clock that is far off; '' for none. */
function clockText({ clockOffMs }: ScrapeTimes): string {
  if (clockOffMs === 0) return '';
  return `; the Collector's clock is ${clockOffMs < 0 ? 'behind' : 'ahead'} by ${Math.round(Math.abs(clockOffMs) / 1000)} s`;
}
