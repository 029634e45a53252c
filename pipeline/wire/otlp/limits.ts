/** @module What one OTLP request may hold at most, and the refusal of one that holds more. */

/** As deep as any limit may allow messages within messages: few enough for readers that go into each by a call. */
export const MOST_DEPTH = 100;

export interface RequestLimits {
  /** Spans or data points of a request; resources and scopes are held to the same number, each kind by itself. */
  readonly maxItems: number;
  /** Messages and groups within each other, the request itself being the first; at most MOST_DEPTH. */
  readonly maxDepth: number;
}

/** A request of more items than it may hold; thrown as soon as one is too many, before anything is built of it. */
export class TooManyItems extends Error {
  override readonly name = 'TooManyItems';
  readonly maxItems: number;
  /** The configuration key of the limit. */
  readonly key: string;

  /** `items` names them, e.g. `spans`. */
  constructor(items: string, maxItems: number, key = 'max_items_per_request') {
    super(`the request has more than ${maxItems} ${items}`);
    this.maxItems = maxItems;
    this.key = key;
  }
}
