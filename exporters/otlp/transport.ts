/** @module What carries OTLP bodies to a backend, whatever the protocol. */
import type { Verdict } from './verdict.ts';

/** How one attempt ended. */
export interface Attempt {
  readonly verdict: Verdict;
  /** The body was sent twice, because a kept connection turned out to be dead; the first may have arrived. */
  readonly resent: boolean;
}

/** Carries bodies to the backend. */
export interface OtlpTransport {
  open(): void;
  /** The body as it goes over the wire; done once, however often it is sent. */
  pack(body: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** One attempt; spans make several at once, traffic one after the other. Never rejects. */
  send(packed: Uint8Array): Promise<Attempt>;
  /** Ends what runs. */
  close(): void;
}
