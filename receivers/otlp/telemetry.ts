/** @module What happens in the `otlp` receiver, each as a function that logs and counts. */

import type { ReceiverSettings, Signal } from '../../pipeline/component.ts';
import { isLoopback } from '../../pipeline/config/types.ts';
import { errorText } from '../../pipeline/errors.ts';
import type { IngestClosing, IngestEvents, Refused } from '../../pipeline/net/ingest.ts';
import { HTTP2_FLAW, mendedNode } from '../../pipeline/net/patched-node.ts';
import type { ReceivingRoom } from '../../pipeline/net/receiving-room.ts';
import { type WrongPort, wrongPortText } from '../../pipeline/net/wrong-port.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

/** What a server of a protocol is given to tell. */
export interface OtlpEvents {
  /** Events of one server; `signals` says which signal each path carries. */
  server(protocol: 'grpc' | 'http', signals: ReadonlyMap<string, Signal>): IngestEvents;
  /** Spans came whose trace id or span id is all zero. */
  invalidIds(spans: number): void;
  /** Spans came that end before they begin. */
  backwards(spans: number): void;
  /** A request in JSON has names only that OTLP does not have: it is a success, as unknown fields are ignored. */
  nothingKnown(signal: Signal): void;
  listening(protocol: 'grpc' | 'http', host: string, port: number): void;
  /** Where a protocol is taken; null before it is, and where it is not. */
  portOf(protocol: 'grpc' | 'http'): number | null;
  /** Removes the metrics. */
  end(): void;
}

/** Requests that ended alike. */
interface Ended {
  readonly protocol: string;
  readonly signal: string;
  readonly reason: string;
  requests: number;
  wireBytes: number;
}

/** Refusals that are the pipeline's or the network's doing, not the sender's. */
const OURS = new Set(['busy', 'no_room', 'rejected']);

const LIMIT = 'A connection or call was ended for a limit';
const HANDSHAKE = 'A handshake of TLS failed';
const UNREADABLE = 'A connection was ended whose bytes cannot be read';

/** What is said of connections and calls that are ended, with what to do about it; ports have texts of their own. */
const CLOSINGS: Readonly<Record<Exclude<IngestClosing, WrongPort>, string>> = {
  max_connections: `${LIMIT}: max_connections are open`,
  max_connections_per_address: `${LIMIT}: max_connections_per_address are open from there`,
  min_rate: `${LIMIT}: its body came slower than min_rate, or took longer than request_timeout`,
  no_call: `${LIMIT}: it began no call within header_timeout`,
  timeout: `${LIMIT}: its headers took longer than header_timeout, or all of it longer than request_timeout`,
  unread: `${LIMIT}: the client did not read its answer within request_timeout`,
  pipelined: `${LIMIT}: the client sent many requests at once without waiting for answers`,
  headers_too_large: `${LIMIT}: its headers have more than 16 KiB or 200 lines`,
  http2: 'A connection was ended: its client broke the rules or the limits of HTTP/2',
  bad_http: `${UNREADABLE}: they are no HTTP/1.1`,
  tls_no_certificate: `${HANDSHAKE}: clients need a certificate of client_ca_file, and this one showed none`,
  tls_foreign_certificate: `${HANDSHAKE}: clients need a certificate of client_ca_file, and this one showed another`,
  tls_plain_http: `${HANDSHAKE}: the client speaks without TLS, as plain HTTP and gRPC do; give it an address with https:// and this certificate to trust`,
  tls: `${HANDSHAKE}: see code; clients must trust the certificate of cert_file and speak a version of TLS from min_version on`,
};

const OTHER = { grpc: 'http', http: 'grpc' } as const;
/** Longest text of a refusal in a line of the log, characters. */
const LONGEST_REFUSAL = 300;

/** Metrics carry `receiver`; `room` is read whenever somebody collects; `nodeVersion` is that of the Node that serves. */
export function createOtlpEvents(
  { id, log, meters, clock }: Pick<ReceiverSettings<unknown>, 'id' | 'log' | 'meters' | 'clock'>,
  room: ReceivingRoom,
  nodeVersion = process.versions.node,
): OtlpEvents {
  const limit = createOccurrenceLimit(clock);
  const ended = new Map<string, Ended>();
  const closed = new Map<string, number>();
  const ports = new Map<'grpc' | 'http', number>();
  const unusable = { grpc: 0, http: 0 };
  let invalid = 0;
  let backwards = 0;
  const nothingKnown = new Map<Signal, number>();
  const attributes = { receiver: id };

  const entries = () => [...ended.values()];
  const told = ({ protocol, signal, reason }: Ended) => ({ ...attributes, protocol, signal, reason });
  const registered = [
    meters.counter(
      'weir_otlp_received_requests_total',
      'OTLP requests that ended; reason is empty for those taken.',
      () => entries().map((entry) => ({ value: entry.requests, attributes: told(entry) })),
    ),
    meters.counter('weir_otlp_received_bytes_total', 'Bytes of OTLP bodies as they came.', () =>
      entries().map((entry) => ({ value: entry.wireBytes, attributes: told(entry) })),
    ),
    meters.counter(
      'weir_otlp_connections_closed_total',
      'Connections and calls that were ended, by reason: a limit, a failed handshake of TLS, a wrong port, what is no HTTP.',
      () =>
        [...closed].map(([key, value]) => {
          const [protocol = '', reason = ''] = key.split(' ');
          return { value, attributes: { ...attributes, protocol, reason } };
        }),
    ),
    meters.counter(
      'weir_otlp_files_unusable_total',
      'Times a changed file of a listener could not be used; the old content stays in use.',
      () => Object.entries(unusable).map(([protocol, value]) => ({ value, attributes: { ...attributes, protocol } })),
    ),
    meters.counter(
      'weir_otlp_invalid_ids_total',
      'Spans whose trace or span id is all zero, passed on as they are.',
      () => [{ value: invalid, attributes }],
    ),
    meters.counter(
      'weir_otlp_backwards_spans_total',
      'Spans that end before they begin, passed on as they are.',
      () => [{ value: backwards, attributes }],
    ),
    meters.counter(
      'weir_otlp_nothing_known_total',
      'Requests in JSON with names only that OTLP does not have, answered as empty ones.',
      () => [...nothingKnown].map(([signal, value]) => ({ value, attributes: { ...attributes, signal } })),
    ),
    meters.gauge('weir_otlp_receiving_bytes', 'Bytes of bodies that are arriving now.', () => [
      { value: room.bytes, attributes },
    ]),
  ];

  function count(protocol: string, signal: string, reason: string, wireBytes: number): void {
    const key = `${protocol} ${signal} ${reason}`;
    let entry = ended.get(key);
    if (entry === undefined) {
      entry = { protocol, signal, reason, requests: 0, wireBytes: 0 };
      ended.set(key, entry);
    }
    entry.requests += 1;
    entry.wireBytes += wireBytes;
  }

  return {
    server: (protocol, signals) => ({
      ended(path, reason, wireBytes, refused) {
        count(protocol, signals.get(path) ?? '', reason, wireBytes);
        if (reason === '' || OURS.has(reason)) return;
        const times = limit.occurred(`${protocol} ${reason}`);
        if (times === 0) return;
        const told = refused === undefined ? {} : whoAndWhy(refused);
        log.warn({ protocol, path: printableShort(path, 100), reason, ...told, times }, 'An OTLP request was refused');
      },
      closed(reason, code = '', peer = '') {
        const key = `${protocol} ${reason}`;
        closed.set(key, (closed.get(key) ?? 0) + 1);
        const times = limit.occurred(`closed ${key}`);
        if (times === 0) return;
        const known = { ...(peer === '' ? {} : { peer }), ...(code === '' ? {} : { code }) };
        log.warn({ protocol, reason, ...known, times }, closingText(reason, ports.get(OTHER[protocol]) ?? null));
      },
      failed(path, error) {
        const times = limit.occurred(`${protocol} failed`);
        if (times === 0) return;
        const stack = error instanceof Error ? (error.stack ?? error.message) : errorText(error);
        log.error(
          { protocol, path: printableShort(path, 100), error: stack, times },
          'An OTLP request failed, which is a defect',
        );
      },
      fileUnusable(path, reason) {
        unusable[protocol] += 1;
        log.warn({ protocol, path, reason }, 'A file of the listener cannot be used; the old content stays in use');
      },
    }),
    invalidIds(spans) {
      invalid += spans;
    },
    backwards(spans) {
      backwards += spans;
    },
    nothingKnown(signal) {
      nothingKnown.set(signal, (nothingKnown.get(signal) ?? 0) + 1);
      const times = limit.occurred(`nothing known ${signal}`);
      const name = signal === 'traces' ? 'resourceSpans' : 'resourceMetrics';
      if (times > 0)
        log.warn(
          { signal, times },
          `A request in JSON has nothing that OTLP knows and was taken as empty: it needs "${name}"`,
        );
    },
    portOf: (protocol) => ports.get(protocol) ?? null,
    listening(protocol, host, port) {
      ports.set(protocol, port);
      log.info({ protocol, address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` }, 'OTLP is taken');
      if (protocol === 'grpc') tellFlaws(log, host, nodeVersion);
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}

/** Of this machine's own processes nobody needs to be warned. */
function tellFlaws(log: ReceiverSettings<unknown>['log'], host: string, node: string): void {
  const mended = mendedNode(node);
  if (mended === null) return;
  const fields = { node, flaw: HTTP2_FLAW, mend: mendOfFlaws(mended) };
  const text = 'HTTP/2 of this Node has known flaws, and gRPC is served with it';
  if (isLoopback(host)) log.info(fields, `${text}, on this machine only`);
  else log.warn(fields, `${text} to other machines`);
}

/** The launcher always takes the Node that this Weir pins, so that another one is called by its own path. */
function mendOfFlaws(version: string): string {
  const own = `start Weir with a Node of your own, ${version} or a newer one of its line`;
  return `${own}: node pipeline/main.ts in place of bin/weir; or take OTLP over HTTP only`;
}

function closingText(reason: IngestClosing, otherPort: number | null): string {
  return isWrongPort(reason) ? `A connection was ended: ${wrongPortText(reason, otherPort)}` : CLOSINGS[reason];
}

function isWrongPort(reason: IngestClosing): reason is WrongPort {
  return !Object.hasOwn(CLOSINGS, reason);
}

/** What clients are told may quote what they sent. */
function whoAndWhy({ peer, message }: Refused) {
  return { ...(peer === '' ? {} : { peer }), told: printableShort(message, LONGEST_REFUSAL) };
}
