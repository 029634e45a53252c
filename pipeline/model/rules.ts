/**
 * @module What a mesh's table says (design §4): families, the meaning of each series, and what happens to them.
 *
 * A mesh is one `MeshRules` value in `receivers/<mesh>/rules.ts`. It travels with every batch of samples, so that the
 * `smi` processor needs to know no mesh.
 */
import type { Identity, Labels, Peer } from './resource.ts';

/** What downstream components ask for; the scraper builds nothing else (design §2.3). */
export type Demand = 'requests' | 'latency' | 'tcp';

/**
 * Where one value of a series is added. `latency_bucket` is cumulative and has `boundMs`. `unreached` are failures that
 * no server ever saw (no endpoint, no connection): they count as failures and are told apart beside.
 */
export type Measure =
  | 'success'
  | 'failure'
  | 'unreached'
  | 'latency_bucket'
  | 'latency_sum_ms'
  | 'tcp_opened'
  | 'tcp_closed'
  | 'tcp_read_bytes'
  | 'tcp_written_bytes';

export type Side = 'client' | 'server';
export type Protocol = 'http' | 'grpc' | 'tcp' | '';
/** Whether a count is of requests as the application sent them or of attempts including retries. */
export type Counts = 'requests' | 'attempts';

/** A series that carries traffic. */
export interface TrafficSeries {
  readonly role: 'traffic';
  readonly measure: Measure;
  readonly side: Side;
  /** Whose series it is when the series itself tells, e.g. on a page of a whole node; null: the target's own. */
  readonly own: Identity | null;
  readonly peer: Peer;
  readonly protocol: Protocol;
  /** What it counts where series of one side differ; null: as the table says. */
  readonly counts: Counts | null;
  /** Upper bound in milliseconds of a `latency_bucket`, Infinity for `+Inf`; 0 for other measures. */
  readonly boundMs: number;
  /**
   * Series of one target with the same non-empty group are one counter (a histogram): the reset of one is the reset of
   * all. '' stands alone.
   */
  readonly group: string;
  /**
   * Counts only while the target has a series that `proves` this; absent: counts always. For families that count other
   * things as well, of which the mesh tells the right ones apart by another family. Only for series that stand alone.
   */
  readonly needs?: string;
}
/** Seconds since the epoch at which the proxy's process started. */
export interface StartSeries {
  readonly role: 'start';
}
/**
 * Seconds for which the proxy has run, for meshes that do not tell the instant. May lag behind by the table's
 * `uptimeLagSeconds`, because the proxy writes it now and then.
 */
export interface UptimeSeries {
  readonly role: 'uptime';
}
/** Number of a process that took over from its parent while uptime went on (Envoy's hot restart); another one is a new life. */
export interface RestartEpochSeries {
  readonly role: 'restart_epoch';
}
/** Present on every complete page; its absence under a 200 means a partial page. */
export interface SentinelSeries {
  readonly role: 'sentinel';
}
/** Wanted family, but this series is not the mesh's traffic; `reason` appears in filtered(reason). */
export interface FilteredSeries {
  readonly role: 'filtered';
  readonly reason: string;
  /** That there is such a series lets those count that need this; absent: none does. */
  readonly proves?: string;
}
export type SeriesMeaning =
  | TrafficSeries
  | StartSeries
  | UptimeSeries
  | RestartEpochSeries
  | SentinelSeries
  | FilteredSeries;

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

/** One sample name the table knows. */
export interface FamilyRule {
  /** Exact sample name as it stands at the head of a line, e.g. `response_latency_ms_bucket`. */
  readonly sample: string;
  /** Name under which `# TYPE` announces it, e.g. `response_latency_ms`. */
  readonly family: string;
  readonly type: FamilyType;
  /** Demand that makes it wanted; null when it is always wanted (start, sentinel). */
  readonly demand: Demand | null;
}

/** Names of samples that carry traffic of which nobody can say whose it is. */
export interface StraySamples {
  /** How they all end; every other name costs no more than a look at its end. */
  readonly end: string;
  /** Decides on names with that end. */
  readonly names: RegExp;
  /** They appear in dropped(reason). */
  readonly reason: string;
  /** What mends it, for people. */
  readonly mend: string;
}

export interface MeshRules {
  /** Name of the mesh as it appears in records, e.g. `linkerd`. */
  readonly mesh: string;
  readonly families: readonly FamilyRule[];
  /** Sample name without which a page under 200 is partial and the scrape fails; null: no such family. */
  readonly sentinel: string | null;
  /** What the absence of a known series from a good page means. `evicted`: back later counts from 0. */
  readonly vanished: 'evicted' | 'kept';
  readonly counts: Readonly<Record<Side, Counts>>;
  /** Samples that are dropped and counted although no family names them; absent where the mesh has none. */
  readonly strays?: StraySamples;
  /** How far an `uptime` series may be behind, seconds; absent where the mesh has none. */
  readonly uptimeLagSeconds?: number;
  /** Meaning of one series; called once per series and target, never per sample. Pure. */
  resolve(sample: string, labels: Labels, own: Identity): SeriesMeaning;
}
