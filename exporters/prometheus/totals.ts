/** @module What the exporter has added up: edges, resources, coverage and intervals, each with its labels' bytes. */
import {
  type Added,
  type RunningCoverage,
  type RunningRecord,
  RunningTotals,
} from '../../pipeline/model/running-totals.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { bytesOf } from '../../pipeline/wire/exposition-out/page-writer.ts';
import type { RunningInterval } from './families.ts';
import type { Labels } from './labels.ts';

/** A total with the bytes of its labels, without braces, made once. */
export interface Shown<Total> {
  readonly total: Total;
  readonly labels: Uint8Array;
}

/** All that a page shows. */
export interface PageContent {
  readonly intervals: readonly Shown<RunningInterval>[];
  readonly edges: readonly Shown<RunningRecord>[];
  readonly resources: readonly Shown<RunningRecord>[];
  readonly coverage: readonly Shown<RunningCoverage>[];
}

export interface TotalsOptions {
  readonly labels: Labels;
  readonly expirationMs: number;
  readonly maxSeries: number;
}

/** Totals since the start of this process. Series with equal labels are one total, so no page tells a series twice. */
export class Totals {
  readonly #labels: Labels;
  readonly #edges: RunningTotals;
  readonly #resources: RunningTotals;
  readonly #intervals = new Map<string, Shown<RunningInterval>>();
  readonly #shownEdges = new ShownList<RunningRecord>();
  readonly #shownResources = new ShownList<RunningRecord>();
  readonly #shownCoverage = new ShownList<RunningCoverage>();

  constructor({ labels, expirationMs, maxSeries }: TotalsOptions) {
    this.#labels = labels;
    const limits = { expirationMs, maxSeries };
    this.#edges = new RunningTotals({
      ...limits,
      identity: labels.edgeIdentity,
      coverageIdentity: labels.coverageIdentity,
    });
    this.#resources = new RunningTotals({ ...limits, identity: labels.resourceIdentity });
  }

  /** Of edges with their targets, and of resources: what is kept, remembered and refused. For reading only. */
  get parts(): Readonly<Record<'edges' | 'resources', RunningTotals>> {
    return { edges: this.#edges, resources: this.#resources };
  }
  /** Totals forgotten since the beginning, of all kinds. */
  get forgotten(): number {
    return this.#edges.forgotten + this.#resources.forgotten;
  }

  /** What became of the items; a record whose edge is refused still counts for its resource. O(items). */
  add(sum: TrafficSum, nowMs: number): Added {
    this.#addInterval(sum);
    this.#resources.add({ ...sum, coverage: [] }, nowMs);
    return this.#edges.add(sum, nowMs);
  }

  #addInterval(sum: TrafficSum): void {
    const { startMs, endMs } = sum.interval;
    const text = this.#labels.interval(sum);
    const held = this.#intervals.get(text) ?? shown({ startMs, seconds: 0 }, text);
    held.total.seconds += (endMs - startMs) / 1000;
    this.#intervals.set(text, held);
  }

  /** Forgets what nothing told for the expiration; returns how many totals. O(totals). */
  expire(nowMs: number): number {
    return this.#edges.expire(nowMs) + this.#resources.expire(nowMs);
  }

  /** What is there now; good until the next `add` or `expire`. O(totals) after a change of them, else O(1). */
  content(): PageContent {
    const { edge, resource, coverage } = this.#labels;
    const [edges, resources] = [this.#edges, this.#resources];
    return {
      intervals: [...this.#intervals.values()],
      edges: this.#shownEdges.of(edges.version, edges.records(), ({ key }) => edge(key)),
      resources: this.#shownResources.of(resources.version, resources.records(), ({ key }) => resource(key)),
      coverage: this.#shownCoverage.of(edges.version, edges.coverage(), coverage),
    };
  }
}

function shown<Total extends { readonly startMs: number }>(total: Total, labels: string): Shown<Total> {
  return { total, labels: bytesOf(labels) };
}

/** A list of totals that is made anew when its version has changed; what it holds of each is kept. */
class ShownList<Total extends { readonly startMs: number }> {
  #version = -1;
  #list: readonly Shown<Total>[] = [];
  readonly #known = new WeakMap<Total, Shown<Total>>();

  of(version: number, totals: Iterable<Total>, labelsOf: (total: Total) => string): readonly Shown<Total>[] {
    if (version === this.#version) return this.#list;
    const list: Shown<Total>[] = [];
    for (const total of totals) {
      const held = this.#known.get(total) ?? shown(total, labelsOf(total));
      this.#known.set(total, held);
      list.push(held);
    }
    this.#version = version;
    this.#list = list;
    return list;
  }
}
