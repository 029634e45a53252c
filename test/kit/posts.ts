/** @module What came of a POST, as a client in memory tells it. */
import type { PostAnswer, PostFailure, PostFailureReason } from '../../pipeline/net/http-post.ts';

/** A whole answer without content; `more` is told instead. */
export function answered(status: number, more: Partial<PostAnswer> = {}): PostAnswer {
  const whole = { body: new Uint8Array(0), bodyEnd: 'whole', error: '', resent: false } as const;
  return { kind: 'answer', status, headers: new Map(), ...whole, ...more };
}

/** No answer. */
export function failed(reason: PostFailureReason, error: string = reason): PostFailure {
  return { kind: 'failure', reason, error, resent: false };
}
