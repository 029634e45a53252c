/** @module The balance of design §8 as the last assertion of every end-to-end test. */
import type { ExecutionContext } from 'ava';
import type { BalanceView } from './protocol.ts';

/** Every component's books add up, and nothing is left on the way after the drain. */
export function assertBalanced(t: ExecutionContext, balances: readonly BalanceView[]): void {
  t.true(balances.length > 0, 'the process handed over its books');
  for (const books of balances) {
    const name = `${books.kind} ${books.component}`;
    t.is(books.unaccounted, 0, `${name}: ${JSON.stringify(books)}`);
    t.is(books.held, 0, `${name} holds nothing after the drain`);
    t.is(books.queued, 0, `${name} queues nothing after the drain`);
    t.true(books.accepted > 0, `${name} took something`);
  }
}
