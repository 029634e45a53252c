/** @module Success and failure from codes, gRPC statuses and flags, case by case. */

import test from 'ava';
import fc from 'fast-check';
import { isUnreached, type Outcome, type OutcomeOptions, outcomeOf } from '../../../receivers/istio/outcome.ts';

const DEFAULT: OutcomeOptions = { noResponse: 'failure', deniedIsFailure: false };

function outcome(labels: Record<string, string>, options: Partial<OutcomeOptions> = {}): Outcome {
  return outcomeOf(new Map(Object.entries(labels)), { ...DEFAULT, ...options });
}

const http = (code: string, flags = '-') => ({
  request_protocol: 'http',
  response_code: code,
  grpc_response_status: '',
  response_flags: flags,
});
const grpc = (status: string, code = '200', flags = '-') => ({
  request_protocol: 'grpc',
  response_code: code,
  grpc_response_status: status,
  response_flags: flags,
});

const CASES: readonly (readonly [what: string, labels: Record<string, string>, expected: Outcome])[] = [
  ['200', http('200'), 'success'],
  ['101', http('101'), 'success'],
  ['304', http('304'), 'success'],
  ['404', http('404'), 'success'],
  ['499', http('499'), 'success'],
  ['500', http('500'), 'failure'],
  ['503 without a host', http('503', 'UH'), 'failure'],
  ['599', http('599'), 'failure'],
  ['class 2xx', http('2xx'), 'success'],
  ['class 4XX', http('4XX'), 'success'],
  ['class 5xx', http('5xx'), 'failure'],
  ['class 5', http('5'), 'failure'],
  ['a code above 599', http('600'), 'unknown_code'],
  ['a code that is a word', http('OK'), 'unknown_code'],
  ['a code with something behind', http('200x'), 'unknown_code'],
  ['a code cut by Telemetry', { request_protocol: 'http', response_flags: '-' }, 'unknown_code'],
  ['an empty code', http(''), 'unknown_code'],
  ['an unknown code', http('unknown'), 'unknown_code'],
  ['rate limited', http('429', 'RL'), 'success'],
  ['denied by external authorization', http('403', 'UAEX'), 'success'],
  ['no response, no flag', http('0'), 'failure'],
  ['no response, flags cut', { request_protocol: 'http', response_code: '0' }, 'failure'],
  ['no response, the client left', http('0', 'DC'), 'client_gone'],
  ['no response, the client left among others', http('0', 'UF,DC'), 'client_gone'],
  ['no response, connection refused', http('0', 'UF'), 'failure'],
  ['the client left behind a response', http('200', 'DC'), 'success'],
  ['gRPC with an error of HTTP and no status', grpc('', '503', 'UH'), 'failure'],
  ['gRPC without a status', grpc('', '200'), 'success'],
  ['gRPC without a status and code', grpc('', '0', 'DC'), 'client_gone'],
  ['an HTTP code as gRPC status', grpc('503', '200'), 'failure'],
  ['a gRPC status that is a word', grpc('Unavailable', '200'), 'success'],
  ['a gRPC status above 16', grpc('17', '200'), 'success'],
  ['gRPC whose protocol is cut', { response_code: '200', grpc_response_status: '14' }, 'failure'],
  ['HTTP that has a status all the same', { ...http('200'), grpc_response_status: '14' }, 'success'],
  ...Array.from({ length: 17 }, (_, status) => {
    const fails = [2, 4, 7, 13, 14, 15].includes(status);
    return [`gRPC status ${status}`, grpc(String(status)), fails ? 'failure' : 'success'] as const;
  }),
];

for (const [what, labels, expected] of CASES) test(`${what} is ${expected}`, (t) => t.is(outcome(labels), expected));

test('no response is ignored when asked for, unless a flag tells why', (t) => {
  t.is(outcome(http('0'), { noResponse: 'ignore' }), 'no_response');
  t.is(outcome(http('0', 'DC'), { noResponse: 'ignore' }), 'client_gone');
  t.is(outcome(http('0', 'UF,URX'), { noResponse: 'ignore' }), 'failure');
  t.is(outcome(http('503'), { noResponse: 'ignore' }), 'failure');
});

test('refusals are failures when asked for', (t) => {
  t.is(outcome(http('429', 'RL'), { deniedIsFailure: true }), 'failure');
  t.is(outcome(http('403', 'UAEX'), { deniedIsFailure: true }), 'failure');
  t.is(outcome(http('403'), { deniedIsFailure: true }), 'success');
  t.is(outcome(http('429', 'RLSE'), { deniedIsFailure: true }), 'success');
});

const UNREACHED: readonly (readonly [what: string, labels: Record<string, string>, expected: boolean])[] = [
  ...['UH', 'NR', 'NC', 'UF', 'UO', 'DF', 'LH,UF'].map((flags) => [flags, flagged(flags), true] as const),
  ...['UT', 'UC', 'URX', 'UF,URX', 'UC,UH', '-', '', 'UR', 'LR', 'FI', 'RL', 'SI'].map(
    (flags) => [flags, flagged(flags), false] as const,
  ),
  ['nobody behind the service', { destination_workload: 'unknown', response_flags: '-' }, true],
  ['nobody named, but a timeout', { destination_workload: 'unknown', response_flags: 'UT' }, false],
  ['a label cut by Telemetry', { response_flags: '-' }, false],
  ['an empty label', { destination_workload: '', response_flags: '-' }, false],
];

function flagged(flags: string): Record<string, string> {
  return { destination_workload: 'reviews-v1', response_flags: flags };
}

for (const [what, labels, expected] of UNREACHED) {
  test(`a failure with ${what || 'no flags'} ${expected ? 'reached no server' : 'may have reached a server'}`, (t) => {
    t.is(isUnreached(new Map(Object.entries(labels))), expected);
  });
}

test('whatever the labels say, exactly one outcome is given', (t) => {
  const all: readonly string[] = ['success', 'failure', 'client_gone', 'no_response', 'unknown_code'];
  const label = fc.oneof(fc.constantFrom('', '-', 'unknown', '0', '200', '503', '14', 'DC', 'UH,URX'), fc.string());
  const labels = fc.record({
    request_protocol: fc.oneof(fc.constantFrom('http', 'grpc'), label),
    response_code: label,
    grpc_response_status: label,
    response_flags: label,
  });
  fc.assert(
    fc.property(labels, fc.constantFrom('failure', 'ignore'), fc.boolean(), (some, noResponse, deniedIsFailure) => {
      return all.includes(outcome(some, { noResponse, deniedIsFailure }));
    }),
  );
  t.pass();
});
