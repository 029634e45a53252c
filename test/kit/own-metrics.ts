/** @module A running Weir's own metrics, read as a user would, and the contract of the balance checked on them. */
import type { ExecutionContext } from 'ava';

export interface OwnSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** Samples of a Prometheus text page. */
export function parseOwnMetrics(page: string): OwnSample[] {
  return page.split('\n').flatMap((line) => {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null || line.startsWith('#')) return [];
    const labels = Array.from((match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g), (pair) => [pair[1]!, pair[2]!] as const);
    return [{ name: match[1]!, labels: new Map(labels), value: Number(match[3]) }];
  });
}

const componentOf = ({ labels }: OwnSample) =>
  ['kind', 'component', 'signal'].map((name) => labels.get(name) ?? '').join(' ');

/**
 * For every component on the page: nothing is unaccounted for, and what was accepted is what was delivered, merged,
 * filtered and dropped, with what is held and queued. Returns accepted items by `kind component signal`.
 */
export function assertOwnBalance(t: ExecutionContext, page: string): Map<string, number> {
  const samples = parseOwnMetrics(page);
  const named = (name: string) => samples.filter((sample) => sample.name === name);
  const accepted = new Map<string, number>();
  for (const unaccounted of named('weir_unaccounted_items')) {
    const component = componentOf(unaccounted);
    const sum = (name: string, outcomes: readonly string[]) =>
      named(name)
        .filter((sample) => componentOf(sample) === component)
        .filter(({ labels }) => outcomes.length === 0 || outcomes.includes(labels.get('outcome') ?? ''))
        .reduce((total, { value }) => total + value, 0);
    const went = sum('weir_items_total', ['delivered', 'merged', 'filtered', 'dropped']);
    const stays = sum('weir_held_items', []) + sum('weir_queue_items', []);
    accepted.set(component, sum('weir_items_total', ['accepted']));
    t.is(unaccounted.value, 0, component);
    t.is(accepted.get(component), went + stays, component);
  }
  return accepted;
}
