/** @module What an exporter of spans brings to `SpansSending`: how one request is made and sent. */
import type { Spans } from '../model/spans.ts';

/** How one attempt ended. `reason` is a constant word for metrics, `error` text for people. */
export type SpansOutcome =
  /** The peer has it, but for `rejected` spans that it will never take; `error` is what it said of them. */
  | { readonly kind: 'sent'; readonly rejected: number; readonly error: string }
  | {
      readonly kind: 'transient';
      readonly reason: string;
      readonly error: string;
      /** The peer asks not to be called earlier, milliseconds; holds for all requests to it. */
      readonly afterMs?: number;
      /** The peer has too much to do: other requests wait as well. */
      readonly throttled?: boolean;
    }
  | { readonly kind: 'permanent'; readonly reason: string; readonly error: string }
  /** Too much for one request: it is halved. This attempt left nothing at the peer. */
  | { readonly kind: 'too_large'; readonly error: string };

/** An ExportTraceServiceRequest in protobuf, and how many spans it has. Never written. */
export type SpansRequest = Pick<Spans, 'bytes' | 'count'>;

/** What an exporter brings. `Payload` is what it sends for one request, and may know what became of earlier attempts. */
export interface SpansSender<Payload> {
  /**
   * Called once for each request, and for each half of one that was too large, before its first attempt. `whole` is what the
   * half was cut from, with what is known of earlier attempts to send that; null for a request as it was queued.
   */
  prepare(spans: SpansRequest, whole: Payload | null): Payload | Promise<Payload>;
  /** One attempt; as many at once as `consumers` says. */
  send(payload: Payload): Promise<SpansOutcome>;
  /** Called once at start, must not fail: a look at the peer so that trouble is said early. */
  open(): void;
  close(): Promise<void>;
}
