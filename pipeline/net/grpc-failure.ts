/**
 * @module Telling apart what a peer says by its status, and what the gRPC library makes up when there is none.
 *
 * The library reports both as a status. Its own are known by their words: grpc/grpc-node `packages/grpc-js/src`
 * (`subchannel-call.ts`, `load-balancing-call.ts`, `client.ts`, `compression-filter.ts`).
 */
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { TLS_PREFIX } from './grpc-sockets.ts';
import { isOpenSslDump, readableTls } from './socket-error.ts';
import { FILE_PREFIX } from './tls-files.ts';

const LAST_ERROR = 'Last error: ';

/** A status as the library reports it. */
export interface ReportedStatus {
  readonly code: number;
  readonly message: string;
  /** A connection had been chosen, and the call was begun on it. */
  readonly connected: boolean;
  /** Headers of an answer came that were not also its end. */
  readonly answered: boolean;
}

export interface LocalFailure {
  readonly reason: 'connect' | 'tls' | 'tls_file' | 'lost' | 'bad_answer';
  readonly error: string;
  readonly mayHaveArrived: boolean;
}

/** HTTP/2's own words: the stream or the connection ended, and no status came. */
const NO_STATUS =
  /^(?:Connection dropped$|Received RST_STREAM with code |Bandwidth exhausted or memory limit exceeded$|(?:read|write) E[A-Z]+|Write (?:error: |failed with error )|No status information received$|Failed to start HTTP\/2 stream)/;
/** The peer turned the stream away before it did anything with it (RFC 9113 §8.7). */
const NEVER_BEGUN = /^(?:Stream refused by server$|Failed to start HTTP\/2 stream)/;
/** OK, and nothing else. */
const NO_MESSAGE = 'No message received';
/** What is wrong with the message of an answer. */
const BAD_ANSWER =
  /^(?:Too many responses received$|Received message larger than max |Received message that decompresses to a size larger than |Failed to decompress |Received compressed message but |Compression method not supported|Received message compressed with unsupported )/;

/** What failed on the way, null when the status is the peer's own. */
export function localFailure({ code, message, connected, answered }: ReportedStatus): LocalFailure | null {
  if (!connected) return notConnected(message);
  if (NEVER_BEGUN.test(message)) return { reason: 'lost', error: message, mayHaveArrived: false };
  if (NO_STATUS.test(message)) return { reason: 'lost', error: message, mayHaveArrived: true };
  if (!Number.isInteger(code)) return { reason: 'bad_answer', error: message || 'no status', mayHaveArrived: true };
  const isBad = message === NO_MESSAGE || (answered && BAD_ANSWER.test(message));
  if (isBad && code !== GRPC_STATUS.unavailable) return { reason: 'bad_answer', error: message, mayHaveArrived: true };
  return null;
}

function notConnected(message: string): LocalFailure {
  const error = causeIn(message);
  // A peer may refuse this side's certificate only after the handshake, which then has ended here.
  if (isOpenSslDump(error))
    return { reason: 'tls', error: `${TLS_PREFIX}${readableTls(error)}`, mayHaveArrived: false };
  return { reason: connectReason(error), error, mayHaveArrived: false };
}

function connectReason(error: string): 'connect' | 'tls' | 'tls_file' {
  if (error.startsWith(TLS_PREFIX)) return 'tls';
  return error.startsWith(FILE_PREFIX) ? 'tls_file' : 'connect';
}

/** The library wraps the cause in what each of its layers has to say; moments make a text differ from its like. */
function causeIn(message: string): string {
  const at = message.lastIndexOf(LAST_ERROR);
  const last = at === -1 ? message : message.slice(at + LAST_ERROR.length);
  return last
    .replace(/\.? Resolution note: .*$/s, '')
    .replace(/ \(\d{4}-[\d:.TZ-]+\)$/, '')
    .replace(/^Error: /, '');
}
