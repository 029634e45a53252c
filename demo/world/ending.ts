/** @module How a call ended, in no mesh's terms; each mesh's counters say what their page makes of it. */

export interface Ending {
  /** `broken`: the server went away in mid-call, and no answer came. */
  readonly fate: 'answered' | 'broken';
  /** HTTP status of the answer, '' when none came. */
  readonly status: string;
  /** gRPC status number as text, '' on HTTP. */
  readonly grpc: string;
  /** Whether the application failed: HTTP 5xx, a gRPC status of a server's failure, or no answer. */
  readonly failed: boolean;
  /** True when the client's proxy had tried again as often as it may. */
  readonly retriesExhausted: boolean;
}

function answered(status: string, failed: boolean, grpc = ''): Ending {
  return { fate: 'answered', status, grpc, failed, retriesExhausted: false };
}

export const OK = answered('200', false);
export const NOT_FOUND = answered('404', false);
export const SERVER_ERROR = answered('500', true);
export const GRPC_OK = answered('200', false, '0');
export const GRPC_INTERNAL = answered('200', true, '13');
export const BROKEN: Ending = { fate: 'broken', status: '', grpc: '', failed: true, retriesExhausted: false };

const EXHAUSTED = new Map(
  [SERVER_ERROR, GRPC_INTERNAL].map((ending) => [ending, { ...ending, retriesExhausted: true }]),
);

/** The same ending after the last retry; one object per ending. */
export function exhausted(ending: Ending): Ending {
  return EXHAUSTED.get(ending) ?? ending;
}
