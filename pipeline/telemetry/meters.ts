/**
 * @module The shape of Weir's own metrics: plain fields read when somebody collects, so that counting costs nothing.
 *
 * Names and units follow Prometheus (`weir_<what>_<unit>_total`); `docs/reference/metrics.md` lists them all.
 */

export type MetricAttributes = Readonly<Record<string, string>>;

/** One observed value with its attributes. */
export interface Observation {
  readonly value: number;
  readonly attributes: MetricAttributes;
}

export interface Meters {
  /** Registers a counter whose present totals `read` returns. Returns a function that removes it again. */
  counter(name: string, help: string, read: () => Iterable<Observation>): () => void;
  gauge(name: string, help: string, read: () => Iterable<Observation>): () => void;
  /** A histogram in seconds with fixed bounds; recording costs about half a microsecond: per batch, never per item. */
  seconds(name: string, help: string): { record(seconds: number, attributes: MetricAttributes): void };
}

/** Meters that go nowhere: for tests and for tools that do not serve metrics. */
export const NO_METERS: Meters = {
  counter: () => () => {},
  gauge: () => () => {},
  seconds: () => ({ record() {} }),
};
