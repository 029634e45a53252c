/**
 * @module The shapes of what readers see of traffic (design §6): edges and resources with their figures.
 */
import type { Quantile } from './histogram.ts';
import type { Explained } from './reading-explain.ts';
import type { Served } from './reading-index.ts';
import type { ResourceKind, Workload } from './resource.ts';
import type { Counts, Side } from './rules.ts';
import type { SideMemory } from './side-memory.ts';
import type { Interval, TcpTotals, TrafficSum } from './traffic.ts';

/** Figures of one edge or resource over the reading's interval, from one side only. */
export interface Figures {
  readonly successes: number;
  /** All failures, `unreached` ones included. */
  readonly failures: number;
  /** Failures that no server saw, as the clients' proxies told. */
  readonly unreached: number;
  /** Requests per second, corrected by coverage; null when no pod behind it was covered or there were no requests. */
  readonly ratePerSecond: number | null;
  /** Null when no latency was measured. */
  readonly p50: Quantile | null;
  readonly p90: Quantile | null;
  readonly p99: Quantile | null;
  /** Where the figures were counted. A namespace may mix; then it is the side of most of its requests. */
  readonly side: Side;
  readonly counts: Counts;
  /** Meshes that carried the requests, each once, sorted; rarely more than one. */
  readonly meshes: readonly string[];
  /** No scrape due was missed, no first sight was only a baseline, no reset, and the interval was not cut short. */
  readonly complete: boolean;
  /** Sums over the targets of the side that counted. */
  readonly coveredSeconds: number;
  readonly expectedSeconds: number;
  readonly resets: number;
  readonly missed: number;
  /** Targets on the side that counted. */
  readonly sources: number;
  readonly tcp: TcpTotals | null;
}

/** One edge. An end is null when the page that counted it does not tell who it was; never both. */
export interface EdgeReading {
  readonly source: Workload | null;
  readonly destination: Workload | null;
  readonly mesh: string;
  /** Services the client asked for, sorted; `name.namespace` when not in the destination's namespace. */
  readonly services: readonly string[];
  readonly figures: Figures;
}

/** Name of a resource. `namespace` is '' for kinds of cluster scope (Namespace, Node). */
export interface ResourceId {
  /** Kubernetes spelling of the kind: those of `ResourceKind`, `Namespace`, `Node`. Never ''. */
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** A resource and its totals: what came to it. */
export interface ResourceReading {
  readonly resource: ResourceId;
  /** Null: known, but nothing came to it. */
  readonly figures: Figures | null;
}

/** An edge as one of its ends sees it. */
export interface ResourceEdge {
  /** `to`: the resource sends; `from`: it receives. */
  readonly direction: 'to' | 'from';
  readonly side: Side;
  /** The other end; null when unknown. */
  readonly other: ResourceId | null;
  readonly figures: Figures;
}

/** A reading of one sum. All lists are sorted by cluster, namespace, name (edges: source, then destination). */
export interface TrafficReading {
  readonly interval: Interval;
  /** Time the slots of the sum cover, seconds; what rates are divided by. */
  readonly windowSeconds: number;
  readonly edges: readonly EdgeReading[];
  /** Workloads of every kind but ServiceAccount; kinds unknown read as the default kind. */
  readonly workloads: readonly ResourceReading[];
  readonly pods: readonly ResourceReading[];
  readonly namespaces: readonly ResourceReading[];
  readonly nodes: readonly ResourceReading[];
  readonly services: readonly ResourceReading[];
  /** Edges of a resource of this reading; empty for one it does not know. Unknown ends included. */
  edgesOf(resource: ResourceId): readonly ResourceEdge[];
  /**
   * Several resources of this reading (at least one) as one, under the name of the first: each counts from the side that
   * was believed for it, as in a namespace. For paths that carry no cluster.
   */
  joined(readings: readonly ResourceReading[]): ResourceReading;
  /** What stands behind the figures of a resource of this reading, or of several made one by `joined`. O(its records). */
  explain(reading: ResourceReading): Explained;
  /** The same of an edge of this reading; null for one it does not have. */
  explainEdge(edge: EdgeReading): Explained | null;
  /** Seconds that the scrapes of its own targets cover; 0 after a first sight that was only a baseline, and unwatched. */
  coveredSecondsOf(resource: ResourceId): number;
  readonly clockAhead: boolean;
  readonly partial: boolean;
  /** Nothing is missing of any workload that is watched: every edge is there, by its own name, and complete. */
  readonly complete: boolean;
  /** True when counts of earlier intervals are told here, because they came late. */
  readonly late: boolean;
  /** How often late traffic amended its slots: equal intervals with a higher one replace what was read before. */
  readonly revision: number;
}

/** Resources that are known from elsewhere (earlier slots) and are idle unless the sum says otherwise. */
export interface KnownResources {
  readonly workloads: Iterable<Workload>;
  readonly services: Iterable<ResourceId>;
  /** Where calls to services went. */
  readonly served?: Iterable<Served>;
}

export interface ReadOptions {
  /** Kind shown for workloads whose kind nobody told. */
  readonly defaultKind: ResourceKind;
  /** Time the slots of the sum cover, milliseconds; the interval's length unless there were gaps. */
  readonly windowMs: number;
  readonly known?: KnownResources;
  /** The last slot of the sum; what its pages show tells more of the pages before. Default: the sum, as one slot. */
  readonly newest?: TrafficSum | undefined;
  /** The slots just before the sum: of pages missed there the first ones of the sum bring the calls. Default: none. */
  readonly before?: readonly TrafficSum[];
  /** How often the slots of the sum were amended, default 0. */
  readonly revision?: number;
  /**
   * For streams, whose windows are added up: sides as remembered from window to window. Its window must have been begun,
   * and all edges and workloads of the reading be looked at before the next one is. Namespaces, nodes and services of
   * such a reading lack what is told late.
   */
  readonly sides?: SideMemory;
}
