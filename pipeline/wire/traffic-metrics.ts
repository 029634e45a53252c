/** @module The metrics in which traffic is told to others: OTLP name and unit, Prometheus twin, meaning (design §6). */

/** One metric; `prometheus` is the whole name of its twin in text, units seconds and bytes. */
export interface TrafficMetric {
  readonly name: string;
  /** UCUM unit of the OTLP metric. */
  readonly unit: string;
  readonly type: 'sum' | 'histogram';
  readonly prometheus: string;
  /** One sentence without its full stop: OTLP description and Prometheus HELP. */
  readonly description: string;
}

export const REQUESTS: TrafficMetric = {
  name: 'weir.requests',
  unit: '{request}',
  type: 'sum',
  prometheus: 'weir_requests_total',
  description: 'Requests by classification success or failure',
};
export const REQUESTS_UNREACHED: TrafficMetric = {
  name: 'weir.requests_unreached',
  unit: '{request}',
  type: 'sum',
  prometheus: 'weir_requests_unreached_total',
  description: 'Failures that no server ever saw, a part of the failures of the same attributes',
};
export const REQUEST_DURATION: TrafficMetric = {
  name: 'weir.request.duration',
  unit: 'ms',
  type: 'histogram',
  prometheus: 'weir_request_duration_seconds',
  description: 'Response times as the proxy measured them',
};
export const TCP_OPENED: TrafficMetric = {
  name: 'weir.tcp.connections_opened',
  unit: '{connection}',
  type: 'sum',
  prometheus: 'weir_tcp_connections_opened_total',
  description: 'TCP connections opened',
};
export const TCP_CLOSED: TrafficMetric = {
  name: 'weir.tcp.connections_closed',
  unit: '{connection}',
  type: 'sum',
  prometheus: 'weir_tcp_connections_closed_total',
  description: 'TCP connections closed',
};
export const TCP_READ: TrafficMetric = {
  name: 'weir.tcp.read',
  unit: 'By',
  type: 'sum',
  prometheus: 'weir_tcp_read_bytes_total',
  description: 'Bytes the proxy that tells it read from its peer',
};
export const TCP_WRITTEN: TrafficMetric = {
  name: 'weir.tcp.written',
  unit: 'By',
  type: 'sum',
  prometheus: 'weir_tcp_written_bytes_total',
  description: 'Bytes the proxy that tells it wrote to its peer',
};
export const SCRAPES_DUE: TrafficMetric = {
  name: 'weir.coverage.scrapes_due',
  unit: '{scrape}',
  type: 'sum',
  prometheus: 'weir_coverage_scrapes_due_total',
  description: 'Scrapes of a target that were due',
};
export const SCRAPES_MISSED: TrafficMetric = {
  name: 'weir.coverage.scrapes_missed',
  unit: '{scrape}',
  type: 'sum',
  prometheus: 'weir_coverage_scrapes_missed_total',
  description: 'Scrapes of a target that were due and brought nothing',
};
export const COVERED: TrafficMetric = {
  name: 'weir.coverage.covered',
  unit: 's',
  type: 'sum',
  prometheus: 'weir_coverage_covered_seconds_total',
  description: 'Time since the scrape before, over the good scrapes of a target',
};
export const EXPECTED: TrafficMetric = {
  name: 'weir.coverage.expected',
  unit: 's',
  type: 'sum',
  prometheus: 'weir_coverage_expected_seconds_total',
  description: 'Life of a target inside the interval',
};
export const RESETS: TrafficMetric = {
  name: 'weir.coverage.resets',
  unit: '{reset}',
  type: 'sum',
  prometheus: 'weir_coverage_resets_total',
  description: 'New lives of counters seen at a target',
};
export const FIRST_SIGHTS: TrafficMetric = {
  name: 'weir.coverage.first_sights',
  unit: '{sight}',
  type: 'sum',
  prometheus: 'weir_coverage_first_sights_total',
  description: 'First sights of a target that were only a baseline',
};
export const INTERVAL: TrafficMetric = {
  name: 'weir.interval',
  unit: 's',
  type: 'sum',
  prometheus: 'weir_interval_seconds_total',
  description: 'Length of the interval told, one point for each, with its marks partial and clock_ahead',
};

/** All of them, in the order in which they are sent. */
export const TRAFFIC_METRICS: readonly TrafficMetric[] = [
  INTERVAL,
  REQUESTS,
  REQUESTS_UNREACHED,
  REQUEST_DURATION,
  TCP_OPENED,
  TCP_CLOSED,
  TCP_READ,
  TCP_WRITTEN,
  SCRAPES_DUE,
  SCRAPES_MISSED,
  COVERED,
  EXPECTED,
  RESETS,
  FIRST_SIGHTS,
];
