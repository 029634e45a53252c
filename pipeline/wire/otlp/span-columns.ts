/** @module Where spans, scopes and resources stand, gathered while a request is read. */
import type { SpanLayout } from '../../model/spans.ts';
import { TooManyItems } from './limits.ts';

/** About as many bytes has a span at least, in life. */
const BYTES_PER_SPAN = 256;
const FIRST_ROWS = 16;
/** Rows of a block, in the end. */
const MOST_BLOCK_ROWS = 4096;
/** Rows that are dealt with in one step of the assembly. */
const STEP_ROWS = 65_536;
/** Numbers of a row: where it starts, from and to where its content is, and its owner. */
const WIDTH = 4;

/** Rows of three places and the row of another kind that each belongs to, in blocks, so that nothing is copied to grow. */
class Rows {
  count = 0;
  readonly #items: string;
  readonly #maxCount: number;
  readonly #blocks: Uint32Array[] = [];
  #block: Uint32Array;
  #at = 0;

  constructor(items: string, maxCount: number, firstRows: number) {
    this.#items = items;
    this.#maxCount = maxCount;
    this.#block = new Uint32Array(Math.min(firstRows, maxCount) * WIDTH);
    this.#blocks.push(this.#block);
  }

  add(start: number, from: number, to: number, owner: number): void {
    if (this.#at === this.#block.length) this.#grow();
    const block = this.#block;
    const at = this.#at;
    block[at] = start;
    block[at + 1] = from;
    block[at + 2] = to;
    block[at + 3] = owner;
    this.#at = at + WIDTH;
    this.count += 1;
  }

  /** The numbers in columns; the rows are gone then. */
  *columns(): Generator<void, readonly Uint32Array[], void> {
    const columns = Array.from({ length: WIDTH }, () => new Uint32Array(this.count));
    let row = 0;
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      const rows = Math.min(block.length / WIDTH, this.count - row);
      for (const [i, column] of columns.entries()) copyColumn(block, i, column, row, rows);
      row += rows;
      if (row % STEP_ROWS < rows) yield;
    }
    return columns;
  }

  #grow(): void {
    const left = this.#maxCount - this.count;
    if (left <= 0) throw new TooManyItems(this.#items, this.#maxCount);
    const rows = Math.min(MOST_BLOCK_ROWS, (this.#block.length / WIDTH) * 2, left);
    this.#block = new Uint32Array(rows * WIDTH);
    this.#blocks.push(this.#block);
    this.#at = 0;
  }
}

/** Copies number `i` of each row of a block to [to, to + rows) of a column. */
function copyColumn(block: Uint32Array, i: number, column: Uint32Array, to: number, rows: number): void {
  for (let row = 0; row < rows; row++) column[to + row] = block[row * WIDTH + i]!;
}

/** Takes each as it begins, in the order of the bytes. Throws TooManyItems for one too many of its kind. */
export class SpanColumns {
  readonly #spans: Rows;
  readonly #scopes: Rows;
  readonly #resources: Rows;

  /** `bytes`: of the whole request. */
  constructor(bytes: number, maxItems: number) {
    const rows = Math.min(MOST_BLOCK_ROWS, Math.max(FIRST_ROWS, Math.ceil(bytes / BYTES_PER_SPAN)));
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

  /** The columns, which are the caller's, made in steps. To be asked for once. */
  *assemble(): Generator<void, SpanLayout, void> {
    const [spanStart, spanFrom, spanTo, spanScope] = yield* this.#spans.columns();
    const [scopeStart, scopeFrom, scopeTo, scopeResource] = yield* this.#scopes.columns();
    const [resourceStart, resourceFrom, resourceTo] = yield* this.#resources.columns();
    const scopeSpan = yield* firstsOf(spanScope!, this.#scopes.count);
    const resourceScope = yield* firstsOf(scopeResource!, this.#resources.count);
    return {
      spanStart: spanStart!,
      spanFrom: spanFrom!,
      spanTo: spanTo!,
      spanScope: spanScope!,
      scopeStart: scopeStart!,
      scopeFrom: scopeFrom!,
      scopeTo: scopeTo!,
      scopeResource: scopeResource!,
      scopeSpan,
      resourceStart: resourceStart!,
      resourceFrom: resourceFrom!,
      resourceTo: resourceTo!,
      resourceScope,
    };
  }
}

/** The first row of each owner, also of those without rows, and the number of rows. */
function* firstsOf(owners: Uint32Array, count: number): Generator<void, Uint32Array, void> {
  const firsts = new Uint32Array(count + 1);
  let owner = 0;
  for (let row = 0; row < owners.length; row++) {
    while (owner <= owners[row]!) firsts[owner++] = row;
    if (row % STEP_ROWS === STEP_ROWS - 1) yield;
  }
  return firsts.fill(owners.length, owner);
}
