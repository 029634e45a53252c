/** @module Where spans, scopes and resources stand, gathered while a request is read. */
import type { SpanLayout } from '../../model/spans.ts';
import { TooManyItems } from './limits.ts';

/** About as many bytes has a span at least, in life. */
const BYTES_PER_SPAN = 256;
const FIRST_ROWS = 16;
const MOST_FIRST_ROWS = 4096;

/** Rows of three places and the row of another kind that each belongs to; grows by doubling. */
class Rows {
  count = 0;
  readonly #items: string;
  readonly #maxCount: number;
  #start: Uint32Array<ArrayBuffer>;
  #from: Uint32Array<ArrayBuffer>;
  #to: Uint32Array<ArrayBuffer>;
  #owner: Uint32Array<ArrayBuffer>;

  constructor(items: string, maxCount: number, firstRows: number) {
    this.#items = items;
    this.#maxCount = maxCount;
    this.#start = new Uint32Array(firstRows);
    this.#from = new Uint32Array(firstRows);
    this.#to = new Uint32Array(firstRows);
    this.#owner = new Uint32Array(firstRows);
  }

  add(start: number, from: number, to: number, owner: number): void {
    const row = this.count;
    if (row === this.#start.length || row >= this.#maxCount) this.#grow();
    this.#start[row] = start;
    this.#from[row] = from;
    this.#to[row] = to;
    this.#owner[row] = owner;
    this.count = row + 1;
  }

  get start(): Uint32Array {
    return this.#start.slice(0, this.count);
  }

  get from(): Uint32Array {
    return this.#from.slice(0, this.count);
  }

  get to(): Uint32Array {
    return this.#to.slice(0, this.count);
  }

  get owner(): Uint32Array {
    return this.#owner.slice(0, this.count);
  }

  #grow(): void {
    if (this.count >= this.#maxCount) throw new TooManyItems(this.#items, this.#maxCount);
    this.#start = doubled(this.#start);
    this.#from = doubled(this.#from);
    this.#to = doubled(this.#to);
    this.#owner = doubled(this.#owner);
  }
}

function doubled(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** Takes each as it begins, in the order of the bytes. Throws TooManyItems for one too many of its kind. */
export class SpanColumns {
  readonly #spans: Rows;
  readonly #scopes: Rows;
  readonly #resources: Rows;

  /** `bytes`: of the whole request. */
  constructor(bytes: number, maxItems: number) {
    const rows = Math.min(MOST_FIRST_ROWS, Math.max(FIRST_ROWS, Math.ceil(bytes / BYTES_PER_SPAN)));
    this.#spans = new Rows('spans', maxItems, rows);
    this.#scopes = new Rows('scopes', maxItems, FIRST_ROWS);
    this.#resources = new Rows('resources', maxItems, FIRST_ROWS);
  }

  get count(): number {
    return this.#spans.count;
  }

  resource(start: number, from: number, to: number): void {
    this.#resources.add(start, from, to, 0);
  }

  scope(start: number, from: number, to: number): void {
    this.#scopes.add(start, from, to, this.#resources.count - 1);
  }

  span(start: number, from: number, to: number): void {
    this.#spans.add(start, from, to, this.#scopes.count - 1);
  }

  /** The columns, which are the caller's. */
  layout(): SpanLayout {
    const [spanScope, scopeResource] = [this.#spans.owner, this.#scopes.owner];
    return {
      spanStart: this.#spans.start,
      spanFrom: this.#spans.from,
      spanTo: this.#spans.to,
      spanScope,
      scopeStart: this.#scopes.start,
      scopeFrom: this.#scopes.from,
      scopeTo: this.#scopes.to,
      scopeResource,
      scopeSpan: firstsOf(spanScope, this.#scopes.count),
      resourceStart: this.#resources.start,
      resourceFrom: this.#resources.from,
      resourceTo: this.#resources.to,
      resourceScope: firstsOf(scopeResource, this.#resources.count),
    };
  }
}

/** The first row of each owner, also of those without rows, and the number of rows. */
function firstsOf(owners: Uint32Array, count: number): Uint32Array {
  const firsts = new Uint32Array(count + 1);
  let owner = 0;
  for (let row = 0; row < owners.length; row++) while (owner <= owners[row]!) firsts[owner++] = row;
  return firsts.fill(owners.length, owner);
}
