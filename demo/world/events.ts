/** @module What happens next in the world: a heap of instants, equal ones in the order they were added. */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: (atMs: number) => void;
}

export interface Events {
  /** Adds something to do at `atMs` (ms since the epoch, fractions allowed). O(log n). */
  at(atMs: number, run: (atMs: number) => void): void;
  /** Runs everything due up to and including `toMs`, in order, also what is added meanwhile. */
  runUntil(toMs: number): void;
  readonly size: number;
}

export function createEvents(): Events {
  const heap: Event[] = [];
  let order = 0;

  function pop(): Event {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) sink(heap, last);
    return first;
  }

  return {
    at(atMs, run) {
      rise(heap, { atMs, order: order++, run });
    },
    runUntil(toMs) {
      while (heap.length > 0 && heap[0]!.atMs <= toMs) {
        const event = pop();
        event.run(event.atMs);
      }
    },
    get size() {
      return heap.length;
    },
  };
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function rise(heap: Event[], event: Event): void {
  let place = heap.length;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!before(event, heap[parent]!)) break;
    heap[place] = heap[parent]!;
    place = parent;
  }
  heap[place] = event;
}

function sink(heap: Event[], event: Event): void {
  let place = 0;
  for (let child = 1; child < heap.length; child = 2 * place + 1) {
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
    if (!before(heap[child]!, event)) break;
    heap[place] = heap[child]!;
    place = child;
  }
  heap[place] = event;
}
