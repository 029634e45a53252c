/**
 * @module Families of the older block of a page beside HTTP endpoints and TCP: authorization, errors, control, stacks.
 *
 * Source: linkerd/linkerd2-proxy at 29637b64f, recorded pages in `test/data/linkerd`.
 */

import { LATENCY_BOUNDS_MS } from '../histogram.ts';
import type { Family, FamilyType } from './families.ts';
import { FamilySet } from './families.ts';

const ELAPSED = "Elapsed times between a request's headers being received and its response stream completing";

function family(name: string, help: string, type: FamilyType = 'counter'): Family {
  return { name, type, help, unit: '', bounds: type === 'histogram' ? LATENCY_BOUNDS_MS : [] };
}

/** Printed first. */
export const AUTHORIZATION_FAMILIES: readonly Family[] = [
  family('inbound_http_authz_allow_total', 'The total number of inbound HTTP requests that were authorized'),
  family(
    'outbound_http_errors_total',
    'The total number of inbound HTTP requests that could not be processed due to a proxy error.',
  ),
];

/** Printed after the endpoints: traffic between the proxy and the control plane. */
export const CONTROL_FAMILIES: readonly Family[] = [
  family('control_request_total', 'Total count of HTTP requests.'),
  family('control_response_latency_ms', ELAPSED, 'histogram'),
  family('control_response_total', 'Total count of HTTP responses.'),
];

/** Printed last in the older block. */
export const STACK_FAMILIES: readonly Family[] = [
  family('opentelemetry_span_export_streams', 'Total count of opened span export streams'),
  family('opentelemetry_span_export_requests', 'Total count of span export request messages'),
  family('opentelemetry_span_exports', 'Total count of spans exported'),
  family('stack_create_total', 'Total number of services created'),
  family('stack_drop_total', 'Total number of services dropped'),
  family('stack_poll_total', 'Total number of stack polls'),
  family('stack_poll_total_ms', 'Total number of milliseconds this service has spent awaiting readiness'),
];

/** Families tied to endpoints and connections, printed between the others. */
export const REQUEST_FAMILY = family('request_total', 'Total count of HTTP requests.');
export const LATENCY_FAMILY = family('response_latency_ms', ELAPSED, 'histogram');
export const RESPONSE_FAMILY = family('response_total', 'Total count of HTTP responses.');
export const TCP_FAMILIES = {
  opened: family('tcp_open_total', 'Total count of opened connections'),
  open: family('tcp_open_connections', 'Number of currently-open connections', 'gauge'),
  readBytes: family('tcp_read_bytes_total', 'Total count of bytes read from peers'),
  writtenBytes: family('tcp_write_bytes_total', 'Total count of bytes written to peers'),
  closed: family('tcp_close_total', 'Total count of closed connections'),
} as const;

const CONTROL_PLANE: readonly (readonly [string, string, string])[] = [
  ['linkerd-dst-headless.linkerd.svc.cluster.local:8086', 'linkerd-destination', '0'],
  ['linkerd-policy.linkerd.svc.cluster.local:8090', 'linkerd-destination', '0'],
  ['linkerd-identity-headless.linkerd.svc.cluster.local:8080', 'linkerd-identity', '0'],
];
const STACKS: readonly (readonly [string, string, string])[] = [
  ['inbound', 'http', 'logical'],
  ['outbound', 'http', 'balance'],
  ['outbound', 'http', 'endpoint'],
  ['outbound', 'http', 'forward'],
  ['outbound', 'opaq', 'balance'],
  ['outbound', 'opaq', 'endpoint'],
  ['outbound', 'opaq', 'forward'],
  ['outbound', 'tls', 'balance'],
  ['outbound', 'tls', 'endpoint'],
  ['outbound', 'tls', 'forward'],
];

/** The older block's plain families with what a proxy shows right after its start. */
export function createLegacyFamilies(): FamilySet {
  const families = new FamilySet([...AUTHORIZATION_FAMILIES, ...CONTROL_FAMILIES, ...STACK_FAMILIES]);
  for (const { name } of STACK_FAMILIES.slice(0, 3)) families.cell(name, '');
  for (const [address, account, grpc] of CONTROL_PLANE) addControl(families, address, account, grpc);
  for (const [direction, protocol, name] of STACKS) {
    addStack(families, `direction="${direction}",protocol="${protocol}",name="${name}"`);
  }
  return families;
}

function addControl(families: FamilySet, address: string, account: string, grpc: string): void {
  const labels = `addr="${address}",tls="true",server_id="${account}.linkerd.serviceaccount.identity.linkerd.cluster.local"`;
  families.count('control_request_total', labels, 2);
  families.histogram('control_response_latency_ms', `${labels},status_code="200"`).record(3);
  const ending = `${labels},status_code="200",classification="success",grpc_status="${grpc}",error=""`;
  families.count('control_response_total', ending);
}

function addStack(families: FamilySet, labels: string): void {
  families.cell('stack_create_total', labels);
  families.cell('stack_drop_total', labels);
  for (const ready of ['true', 'false', 'error']) families.cell('stack_poll_total', `${labels},ready="${ready}"`);
  families.cell('stack_poll_total_ms', labels);
}
