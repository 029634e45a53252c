/** @module Errors that cross boundaries: one base class recognised by `code`, few subclasses by what the caller does. */

/** Whether doing the same again can help: never, some time later, or after `retryAfterMs`. */
export type Retry = 'never' | 'later' | 'after';

export interface ErrorEntry {
  readonly title: string;
  readonly cause: string;
  readonly mend: string;
}

/** Every code of a `WeirError`; `docs/reference/errors.md` is this table and that of the configuration's problems. */
export const ERROR_CODES = {
  WEIR_ADMISSION_REFUSED: {
    title: 'not now',
    cause: 'A queue or a limit is full; nothing of the batch was taken.',
    mend: 'Send it again after the time named. If it lasts, look at the exporter that is named.',
  },
  WEIR_INPUT_REJECTED: {
    title: 'the input cannot be taken',
    cause: 'The peer sent, or was sent, something that will not become valid by repeating it.',
    mend: 'The message names what was found and what was expected.',
  },
  WEIR_NET_NOT_CONNECTED: {
    title: 'no connection',
    cause: 'The address does not resolve, refuses connections, or closed the connection.',
    mend: 'Check that the address is right and that something listens there.',
  },
  WEIR_NET_TIMEOUT: {
    title: 'no answer in time',
    cause: 'The peer did not answer within the configured timeout.',
    mend: 'Check the peer, or raise the timeout.',
  },
  WEIR_NET_STATUS: {
    title: 'an answer with an error status',
    cause: 'The peer answered, but with an HTTP status that means failure.',
    mend: 'The message holds the status and the beginning of the answer.',
  },
  WEIR_NET_BAD_ANSWER: {
    title: 'an answer that cannot be read',
    cause: 'The peer answered something else than this program expects, or more than its limit.',
    mend: 'Check that the address is that of a Weir.',
  },
  WEIR_NET_LISTEN_FAILED: {
    title: 'cannot listen',
    cause: 'The port is taken, or this user may not bind it.',
    mend: 'Choose another port in the configuration, or end the program that holds it.',
  },
  WEIR_FILE_UNREADABLE: {
    title: 'a file cannot be read',
    cause: 'It does not exist, or this user may not read it.',
    mend: 'Check the path and its permissions.',
  },
  WEIR_FILE_UNWRITABLE: {
    title: 'a file cannot be written',
    cause: 'Its folder does not exist, is full, or this user may not write there.',
    mend: 'Check the folder, its permissions, and the room on its disk.',
  },
  WEIR_SERVICE_STOPPED: {
    title: 'stopped',
    cause: 'The component was stopped while this was being done.',
    mend: 'Nothing: this is the normal end of what was under way.',
  },
  WEIR_SERVICE_START_FAILED: {
    title: 'a component did not start',
    cause: 'A component failed while starting; everything started before it was stopped again.',
    mend: 'The message names the component and its reason.',
  },
} as const satisfies Readonly<Record<`WEIR_${string}`, ErrorEntry>>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly retry?: Retry;
  /** Milliseconds; only with `retry: 'after'`. */
  readonly retryAfterMs?: number;
  /** Id of the component in which it happened. */
  readonly component?: string;
  /** Plain data for logs; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The message says what was being done, on what, what was found and what was expected. */
export class WeirError extends Error {
  override readonly name: string = 'WeirError';
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly retryAfterMs: number | null;
  readonly component: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retry = options.retry ?? 'never';
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.component = options.component ?? '';
    this.details = options.details ?? {};
  }
}

/** Come again after `retryAfterMs`; answers 429, 503 and `UNAVAILABLE` come from it. */
export class RefusedError extends WeirError {
  override readonly name = 'RefusedError';
  constructor(message: string, retryAfterMs: number, options: ErrorOptions = {}) {
    super('WEIR_ADMISSION_REFUSED', message, { ...options, retry: 'after', retryAfterMs });
  }
}

/** Do not come again; answers 400 and `INVALID_ARGUMENT` come from it. */
export class RejectedError extends WeirError {
  override readonly name = 'RejectedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('WEIR_INPUT_REJECTED', message, { ...options, retry: 'never' });
  }
}

/** The peer is not there. */
export class NotConnectedError extends WeirError {
  override readonly name = 'NotConnectedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('WEIR_NET_NOT_CONNECTED', message, { retry: 'later', ...options });
  }
}

/** The peer is there, or may be, but took too long. */
export class TimeoutError extends WeirError {
  override readonly name = 'TimeoutError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('WEIR_NET_TIMEOUT', message, { retry: 'later', ...options });
  }
}

/** The work was ended because its component stops. */
export class StoppedError extends WeirError {
  override readonly name = 'StoppedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('WEIR_SERVICE_STOPPED', message, options);
  }
}

/** What an unknown thrown value says, in one line and without its stack; causes are appended after a colon. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || codeOf(error) || error.name;
  if (error.cause === undefined || error.cause === null) return own;
  const cause = errorText(error.cause);
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

/** The `code` of an error of Node, of a library or of ours; '' when it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
