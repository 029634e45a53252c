/** @module The drop journal as a running Weir shows it, held against the counters beside it. */
import type { ExecutionContext } from 'ava';
import { parseOwnMetrics } from './own-metrics.ts';

export interface ShownDrop {
  readonly kind: string;
  readonly component: string;
  readonly signal: string;
  readonly reason: string;
  readonly items: number;
  readonly times: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly error: string;
  readonly severalErrors: boolean;
  readonly sample: Readonly<Record<string, string>> | null;
}

export interface ShownDrops {
  readonly apiVersion: string;
  readonly since: string;
  readonly maxEntries: number;
  readonly forgotten: { readonly entries: number; readonly items: number };
  readonly drops: readonly ShownDrop[];
}

/** `GET /v1/drops` of the listener of own metrics at `address`. */
export async function fetchDrops(address: string): Promise<ShownDrops> {
  return (await (await fetch(`http://${address}/v1/drops`)).json()) as ShownDrops;
}

/** For every component, signal and reason: the entries add up to what is counted, no entry is of anything else. */
export function assertDropsTold(t: ExecutionContext, page: string, { drops, forgotten }: ShownDrops): void {
  const counted = new Map<string, number>();
  for (const { name, labels, value } of parseOwnMetrics(page)) {
    if (name !== 'weir_items_total' || labels.get('outcome') !== 'dropped') continue;
    counted.set(['kind', 'component', 'signal', 'reason'].map((label) => labels.get(label)).join(' '), value);
  }
  const told = new Map<string, number>();
  for (const { kind, component, signal, reason, items } of drops) {
    const key = `${kind} ${component} ${signal} ${reason}`;
    told.set(key, (told.get(key) ?? 0) + items);
  }
  t.deepEqual(forgotten, { entries: 0, items: 0 });
  t.deepEqual(new Map([...told].sort()), new Map([...counted].sort()));
}
