/** @module What the HTTP server of receivers reads in the headers of a request, and why it does not take one. */
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { printableShort } from '../wire/printable.ts';
import type { IngestRefusal } from './ingest.ts';
import { CODECS, type Codec } from './unpack.ts';

/** RFC 9112 §6.1: who does not undo a coding cannot know where the body ends, so the connection is not used again. */
export const TRANSFER_ENCODING: IngestRefusal = {
  reason: 'transfer_encoding',
  code: GRPC_STATUS.invalidArgument,
  message: 'transfer-encoding must be chunked, or absent; compression belongs into content-encoding',
};

export function unknownCodec(encoding: string): IngestRefusal {
  const known = ['identity', ...CODECS].join(', ');
  const message = `content-encoding "${printableShort(encoding, 40)}" is not one of ${known}`;
  return { reason: 'unknown_encoding', code: GRPC_STATUS.invalidArgument, message };
}

export function damaged(codec: Codec | null): IngestRefusal {
  return { reason: 'damaged', code: GRPC_STATUS.invalidArgument, message: `the body is no whole ${codec} stream` };
}

/** In lower case, without parameters; '' for none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** What RFC 9110 §8.4.1.3 has for gzip as well, and the Collector for what HTTP calls deflate. */
const ALIASES: ReadonlyMap<string, Codec> = new Map([
  ['x-gzip', 'gzip'],
  ['zlib', 'deflate'],
]);

/** What a body is compressed with. null: nothing; undefined: a codec that is not known, or several. */
export function codecOf(encoding: string | undefined): Codec | null | undefined {
  const name = (encoding ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return null;
  const codec = ALIASES.get(name) ?? name;
  return CODECS.has(codec) ? (codec as Codec) : undefined;
}

/** `maxBytes`: longest body. */
export function tooLarge(maxBytes: number): IngestRefusal {
  const message = `the body is larger than ${maxBytes} bytes (max_request_body_size); send less at once`;
  return { reason: 'too_large', code: GRPC_STATUS.resourceExhausted, httpStatus: 413, message };
}
