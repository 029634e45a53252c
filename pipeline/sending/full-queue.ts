/** @module What is said of a full queue: why it is full, and what would mend that. */
import type { PeerState } from './peer-record.ts';
import { secondsText } from './seconds-text.ts';

/** A queue as it is when it is full. */
export interface FullQueue {
  readonly depth: number;
  /** Age of what waits longest, milliseconds. */
  readonly oldestAgeMs: number;
}

/** `limit`: the limit it came to, with its key; `more`: the key that lets more be sent at once, '' for none. */
export interface FullBy {
  readonly limit: string;
  readonly peer: PeerState;
}

/** Constant, so that drops for one cause are one entry wherever they are gathered. */
export function fullQueueError({ peer }: FullBy): string {
  return `the sending queue is full: ${peer.word}`;
}

/** The cause with its numbers. */
export function fullQueueCause({ depth, oldestAgeMs }: FullQueue, { limit, peer }: FullBy): string {
  return `${peer.text}. ${limit} is reached with ${depth} waiting or under way, the oldest for ${secondsText(oldestAgeMs)}`;
}

/** What would help; `faster` is how a peer gets more at once. */
export function fullQueueMend({ oldestAgeMs }: FullQueue, { limit, peer }: FullBy, faster: string): string {
  const [key] = limit.split(' ');
  const holds = `${key} holds what comes in ${secondsText(oldestAgeMs)}`;
  if (peer.kind === 'slow') return `${faster}; else send it less. A larger ${key} helps over peaks only`;
  if (peer.kind === 'untried') return `wait until sending has begun; ${holds}`;
  return `see to the peer; ${holds}: to bridge a longer outage make it larger`;
}
