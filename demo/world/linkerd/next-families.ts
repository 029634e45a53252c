/**
 * @module Families of the newer block of a page, and what a proxy shows in it right after its start.
 *
 * Source: linkerd/linkerd2-proxy at 29637b64f, recorded pages in `test/data/linkerd`.
 */
import type { Family, FamilyType } from './families.ts';
import { FamilySet } from './families.ts';

const REQUEST_TIME = 'The time between request initialization and response completion.';
const RESPONSE_TIME = 'The time between request completion and response completion.';
const OUTER_BOUNDS = [0.05, 0.5, 1, 10];
const FINE_BOUNDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];
const FRAME_BOUNDS = [128, 1024, 10240];
const DETECT_BOUNDS = [0.001, 0.1];
const QUEUE_BOUNDS = [0.0005, 0.005, 0.05, 0.5, 1, 3];

function family(name: string, type: FamilyType, help: string, bounds: readonly number[] = []): Family {
  const unit = /_(seconds|bytes)$/.exec(name)?.[1] ?? '';
  return { name, type, help, unit, bounds };
}

function balancer(prefix: string): Family[] {
  return [
    family(`${prefix}_endpoints`, 'gauge', 'The number of endpoints currently in a HTTP request balancer.'),
    family(`${prefix}_p2c_endpoints`, 'gauge', 'The number of endpoints currently in the balancer.'),
    family(`${prefix}_p2c_updates`, 'counter', 'The total number of service discovery updates received by a balancer.'),
    family(`${prefix}_queue_length`, 'gauge', 'The current count of requests waiting in the queue.'),
    family(`${prefix}_queue_requests`, 'counter', 'The total number of requests that have entered the queue.'),
    family(
      `${prefix}_queue_latency_seconds`,
      'histogram',
      'The distribution of durations that requests have spent in the queue.',
      QUEUE_BOUNDS,
    ),
  ];
}

const BUILD = [
  family('proxy_build_info', 'gauge', 'Proxy build info.'),
  family('rustls_info', 'gauge', 'Proxy TLS info.'),
  family('tokio_rt_workers', 'gauge', 'The number of worker threads used by the runtime.'),
  family('tokio_rt_polls', 'counter', 'The number of tasks that have been polled across all worker threads.'),
  family('tokio_rt_busy_seconds', 'counter', 'Total duration of time when worker threads were busy processing tasks.'),
  family(
    'control_identity_cert_refresh_timestamp_seconds',
    'gauge',
    "Time when this proxy's current mTLS identity certificate was last updated.",
  ),
];
const DETECT_HELP = 'Time taken for protocol detection.';
const OUTBOUND = [
  family('outbound_tcp_protocol_connections', 'counter', 'Outbound TCP connections by protocol configuration.'),
  family('outbound_http_route_request_duration_seconds', 'histogram', REQUEST_TIME, OUTER_BOUNDS),
  family('outbound_http_route_request_frame_size_bytes', 'histogram', 'Request data frame sizes.', FRAME_BOUNDS),
  family('outbound_http_route_backend_requests', 'counter', 'The total number of requests dispatched.'),
  family('outbound_http_route_backend_response_duration_seconds', 'histogram', RESPONSE_TIME, FINE_BOUNDS),
  family(
    'outbound_http_route_backend_response_frame_size_bytes',
    'histogram',
    'Response data frame sizes.',
    FRAME_BOUNDS,
  ),
  family('outbound_http_route_backend_response_statuses', 'counter', 'Completed responses.'),
  family('outbound_http_route_request_statuses', 'counter', 'Completed request-response streams.'),
  ...balancer('outbound_http_balancer'),
];
const INBOUND = [
  family('inbound_tcp_detect_http_duration_seconds', 'histogram', DETECT_HELP, DETECT_BOUNDS),
  family('inbound_tcp_detect_http_results', 'counter', 'Protocol detection results.'),
  family('inbound_http_requests', 'counter', 'The total number of requests dispatched.'),
  family('inbound_http_request_frame_size_bytes', 'histogram', 'Request data frame sizes.', FRAME_BOUNDS),
  family('inbound_http_request_duration_seconds', 'histogram', REQUEST_TIME, FINE_BOUNDS),
  family('inbound_http_response_frame_size_bytes', 'histogram', 'Response data frame sizes.', FRAME_BOUNDS),
  family('inbound_http_response_duration_seconds', 'histogram', RESPONSE_TIME, OUTER_BOUNDS),
  family('inbound_http_statuses', 'counter', 'Completed HTTP responses.'),
];
const PROCESS = [
  family('process_start_time_seconds', 'gauge', 'Time that the process started (in seconds since the UNIX epoch).'),
  family('process_clock_time_seconds', 'gauge', 'Current system time for this process.'),
  family('process_uptime_seconds', 'counter', 'Total time since the process started (in seconds)'),
  family('process_cpu_seconds', 'counter', 'Total user and system CPU time spent in seconds'),
  family('process_virtual_memory_bytes', 'gauge', 'Virtual memory size in bytes'),
  family('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes'),
  family('process_open_fds', 'gauge', 'Number of open file descriptors'),
  family('process_max_fds', 'gauge', 'Maximum number of open file descriptors'),
  family('process_threads', 'gauge', 'Number of OS threads in the process.'),
];

/** All of them in the order of the page. */
export const NEXT_FAMILIES: readonly Family[] = [
  ...BUILD,
  ...['identity', 'destination', 'policy'].flatMap((client) => balancer(`control_${client}_balancer`)),
  ...INBOUND,
  ...OUTBOUND,
  ...PROCESS,
];

const CONTROL_ADDRESSES: readonly (readonly [string, string])[] = [
  ['identity', 'linkerd-identity-headless.linkerd.svc.cluster.local:8080'],
  ['destination', 'linkerd-dst-headless.linkerd.svc.cluster.local:8086'],
  ['policy', 'linkerd-policy.linkerd.svc.cluster.local:8090'],
];

/** The newer block of a proxy that started at `startedMs`. */
export function createNextFamilies(startedMs: number): FamilySet {
  const families = new FamilySet(NEXT_FAMILIES);
  const build = 'date="2026-06-22T09:14:03Z",git_sha="5d1e0c9a7",profile="release",vendor="linkerd",version="v2.359.0"';
  families.cell('proxy_build_info', build).value = 1;
  families.cell('rustls_info', 'tls_rand="AwsLcRs",tls_key_provider="AwsLcRs",tls_fips="false"').value = 1;
  for (const [client, address] of CONTROL_ADDRESSES) {
    addBalancer(families, `control_${client}_balancer`, `addr="${address}"`, 1);
  }
  families.cell('control_identity_cert_refresh_timestamp_seconds', '', true).value = startedMs / 1000 + 0.1;
  families.cell('process_start_time_seconds', '', true).value = startedMs / 1000;
  for (const [name, value] of GAUGES) families.cell(name, '').value = value;
  return families;
}

const GAUGES: readonly (readonly [string, number])[] = [
  ['tokio_rt_workers', 1],
  ['process_virtual_memory_bytes', 112_009_216],
  ['process_resident_memory_bytes', 24_170_496],
  ['process_open_fds', 20],
  ['process_max_fds', 20_000],
  ['process_threads', 2],
];

/** Shows a balancer with `ready` endpoints. */
export function addBalancer(families: FamilySet, prefix: string, labels: string, ready: number): void {
  families.cell(`${prefix}_endpoints`, `endpoint_state="ready",${labels}`).value = ready;
  families.cell(`${prefix}_endpoints`, `endpoint_state="pending",${labels}`).value = 0;
  families.cell(`${prefix}_p2c_endpoints`, labels).value = ready;
  for (const op of ['Reset', 'Add', 'Remove']) families.cell(`${prefix}_p2c_updates`, `op="${op}",${labels}`);
  families.cell(`${prefix}_queue_length`, labels);
  families.cell(`${prefix}_queue_requests`, labels);
}

/** Moves on what follows the clock alone. */
export function showTime(families: FamilySet, startedMs: number, nowMs: number): void {
  const uptime = (nowMs - startedMs) / 1000;
  families.cell('process_clock_time_seconds', '', true).value = Math.floor(nowMs / 1000);
  families.cell('process_uptime_seconds', '', true).value = uptime;
  families.cell('process_cpu_seconds', '', true).value = Math.floor(uptime * 0.3) / 100;
  families.cell('tokio_rt_busy_seconds', '', true).value = uptime / 500;
  families.cell('tokio_rt_polls', '').value = Math.floor(uptime * 66);
}
