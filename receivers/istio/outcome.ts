/**
 * @module Success, failure, and failures no server saw, from `response_code`, `grpc_response_status` and
 * `response_flags`: Istio itself calls nothing a success.
 *
 * Flags by envoyproxy/envoy (`source/common/stream_info/utility.cc`); the gRPC statuses that fail are Linkerd's
 * (linkerd/linkerd2-proxy `linkerd/app/core/src/classify.rs`), so that both meshes mean the same.
 */
import type { Labels } from '../../pipeline/model/resource.ts';
import { known } from './labels.ts';

export interface OutcomeOptions {
  /** What a request without a response is when no flag tells why. */
  readonly noResponse: 'failure' | 'ignore';
  /** Whether refusals by rate limit and external authorization are failures. */
  readonly deniedIsFailure: boolean;
}

/** Success or failure, or the reason for which the request is counted as neither. */
export type Outcome = 'success' | 'failure' | 'client_gone' | 'no_response' | 'unknown_code';

/** UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES: ReadonlySet<string> = new Set(['2', '4', '7', '13', '14', '15']);
const GRPC_STATUS = /^(?:\d|1[0-6])$/;
/** `503`, or a class as attribute generation may put it there: `5xx`, `5`. */
const CODE = /^([1-5])(?:\d\d|[xX]{2})?$/;
const HTTP_CODE = /^[1-5]\d\d$/;

/** Rate limit and external authorization. */
const DENIED = ['RL', 'UAEX'];
/** The client closed its connection. */
const CLIENT_GONE = 'DC';
/** No healthy host, no route, no cluster, connection refused or not made, circuit open, name not resolved. */
const NEVER_SENT = ['UH', 'NR', 'NC', 'UF', 'UO', 'DF'];
/** Timeout, connection closed, retries exhausted: some try may stand in the server's own counts. */
const MAYBE_SEEN = ['UT', 'UC', 'URX'];

/** What the requests of a series came to. */
export function outcomeOf(labels: Labels, options: OutcomeOptions): Outcome {
  const flags = flagsOf(labels);
  if (options.deniedIsFailure && hasAny(flags, DENIED)) return 'failure';
  const status = grpcStatusOf(labels);
  if (GRPC_STATUS.test(status)) return GRPC_FAILURES.has(status) ? 'failure' : 'success';
  // Some releases put the HTTP code there when the call never became one.
  const code = HTTP_CODE.test(status) ? status : known(labels, 'response_code');
  return code === '0' ? withoutResponse(flags, options) : ofCode(code);
}

/**
 * Whether no server can have counted these failed requests of a client. `unknown` must be written: a mesh whose labels
 * were cut to save room would double all failures.
 */
export function isUnreached(labels: Labels): boolean {
  const flags = flagsOf(labels);
  if (hasAny(flags, MAYBE_SEEN)) return false;
  return hasAny(flags, NEVER_SENT) || labels.get('destination_workload') === 'unknown';
}

function withoutResponse(flags: readonly string[], { noResponse }: OutcomeOptions): Outcome {
  if (flags.includes(CLIENT_GONE)) return 'client_gone';
  return flags.length === 0 && noResponse === 'ignore' ? 'no_response' : 'failure';
}

function ofCode(code: string): Outcome {
  const match = CODE.exec(code);
  if (match === null) return 'unknown_code';
  return match[1] === '5' ? 'failure' : 'success';
}

/** '' unless the call is gRPC, told by its protocol or, where that label is cut, by having a status. */
function grpcStatusOf(labels: Labels): string {
  const protocol = known(labels, 'request_protocol');
  return protocol === 'grpc' || protocol === '' ? known(labels, 'grpc_response_status') : '';
}

function flagsOf(labels: Labels): string[] {
  const flags = known(labels, 'response_flags');
  return flags === '' || flags === '-' ? [] : flags.split(',');
}

function hasAny(flags: readonly string[], wanted: readonly string[]): boolean {
  return flags.some((flag) => wanted.includes(flag));
}
