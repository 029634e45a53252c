/** @module What happens in the `otlp` receiver, each as a function that logs and counts. */

import type { ReceiverSettings, Signal } from '../../pipeline/component.ts';
import { errorText } from '../../pipeline/errors.ts';
import type { IngestClosing, IngestEvents } from '../../pipeline/net/ingest.ts';
import type { ReceivingRoom } from '../../pipeline/net/receiving-room.ts';
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
  listening(protocol: 'grpc' | 'http', host: string, port: number): void;
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

/** What to do about handshakes that failed. */
const HANDSHAKES: ReadonlyMap<IngestClosing, string> = new Map([
  ['tls_no_certificate', ': clients need a certificate of client_ca_file, and this one showed none'],
  ['tls_foreign_certificate', ': clients need a certificate of client_ca_file, and this one showed another'],
  ['tls_plain_http', ': the client speaks plain HTTP; give it an address with https:// and this certificate to trust'],
  ['tls', ': see code; clients must trust the certificate of cert_file and speak a version of TLS from min_version on'],
]);

/** Metrics carry `receiver`; `room` is read whenever somebody collects. */
export function createOtlpEvents(
  { id, log, meters, clock }: Pick<ReceiverSettings<unknown>, 'id' | 'log' | 'meters' | 'clock'>,
  room: ReceivingRoom,
): OtlpEvents {
  const limit = createOccurrenceLimit(clock);
  const ended = new Map<string, Ended>();
  const closed = new Map<string, number>();
  const unusable = { grpc: 0, http: 0 };
  let invalid = 0;
  let backwards = 0;
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
      'Connections and calls that were ended, by reason: a limit, a failed handshake of TLS, what is no HTTP.',
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
      ended(path, reason, wireBytes) {
        count(protocol, signals.get(path) ?? '', reason, wireBytes);
        if (reason === '' || OURS.has(reason)) return;
        const times = limit.occurred(`${protocol} ${reason}`);
        if (times > 0)
          log.warn({ protocol, path: printableShort(path, 100), reason, times }, 'An OTLP request was refused');
      },
      closed(reason, code = '') {
        const key = `${protocol} ${reason}`;
        closed.set(key, (closed.get(key) ?? 0) + 1);
        const times = limit.occurred(`closed ${key}`);
        if (times === 0) return;
        const mend = HANDSHAKES.get(reason);
        if (mend === undefined) log.warn({ protocol, reason, times }, 'A connection or call was ended for a limit');
        else log.warn({ protocol, reason, code, times }, `A handshake of TLS failed${mend}`);
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
    listening(protocol, host, port) {
      log.info({ protocol, address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` }, 'OTLP is taken');
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}
