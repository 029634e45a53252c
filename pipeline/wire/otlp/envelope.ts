/** @module What stands around the traffic of one request: who sent it, and as which of its requests (design §6). */

/** Tells repeats of a request: equal source, epoch and number mean that it was taken before. */
export interface TrafficEnvelope {
  /** The Weir that sends, stable over its restarts. */
  readonly source: string;
  /** Its life: another one after each restart that forgets `seq`. */
  readonly epoch: string;
  /** Number of the request, a safe integer from 0; a request sent again keeps it. */
  readonly seq: number;
  /** Further resource attributes. The names of the three above are not told from here. */
  readonly resource: ReadonlyMap<string, string>;
}

export const SOURCE = 'weir.source';
export const EPOCH = 'weir.epoch';
export const SEQ = 'weir.seq';

/** Resource attributes of an envelope but for `seq`, which is a number. */
export function resourceAttributes({ source, epoch, resource }: TrafficEnvelope): [name: string, value: string][] {
  const others = [...resource].filter(([name]) => name !== SOURCE && name !== EPOCH && name !== SEQ);
  return [[SOURCE, source], [EPOCH, epoch], ...others];
}
