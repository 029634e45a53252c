/** @module Pages being made and read: one state a page, shared by whoever asks meanwhile, and never in others' way for long. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { PageWriter } from '../../pipeline/wire/exposition-out/page-writer.ts';
import { gzipped } from './gzip.ts';
import type { Format } from './negotiate.ts';
import type { PageLayout } from './page.ts';
import type { PageContent } from './totals.ts';

/** Longest stretch of the loop that the making of a page takes, milliseconds. */
const TURN_MS = 8;

/** Bytes of a page, shared by its readers. */
export type Page = readonly Uint8Array[];

export interface PagesOptions {
  readonly layout: PageLayout;
  readonly clock: Clock;
  /** What to show; must stay as it is while `busy`. */
  readonly content: () => PageContent;
  /** Told when nothing is being made any more, so that `content` may change again. */
  readonly idle: () => void;
  readonly made: (format: Format, samples: number, durationMs: number) => void;
}

export class Pages {
  readonly #options: PagesOptions;
  readonly #pages = new Map<string, Promise<Page>>();
  #making = 0;
  /** A writer at rest, so that its buffer is used again. */
  #spare: PageWriter | null = null;

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** Whether a page is being made. */
  get busy(): boolean {
    return this.#making > 0;
  }

  /** The content has changed, or nobody reads: the next one who asks gets a new page. */
  forget(): void {
    this.#pages.clear();
  }

  /** The page of the present content. Made at once, in this turn, when it is small. */
  page(format: Format, gzip: boolean): Promise<Page> {
    return gzip ? this.#shared(`${format} gzip`, () => this.#compress(format)) : this.#plain(format);
  }

  #plain(format: Format): Promise<Page> {
    return this.#shared(format, () => this.#make(format));
  }

  #shared(name: string, make: () => Promise<Page>): Promise<Page> {
    const held = this.#pages.get(name);
    if (held !== undefined) return held;
    const page = make();
    this.#pages.set(name, page);
    return page;
  }

  async #compress(format: Format): Promise<Page> {
    return gzipped(await this.#plain(format));
  }

  async #make(format: Format): Promise<Page> {
    const { layout, clock, content, idle, made } = this.#options;
    const writer = this.#spare ?? new PageWriter();
    const before = writer.lines;
    const startedMs = clock.monoMs();
    this.#spare = null;
    this.#making += 1;
    try {
      const page = await this.#inTurns(layout.write(content(), format, writer));
      this.#spare = writer;
      made(format, writer.lines - before, clock.monoMs() - startedMs);
      return page;
    } finally {
      this.#making -= 1;
      if (this.#making === 0) idle();
    }
  }

  async #inTurns(steps: Generator<void, Uint8Array[]>): Promise<Page> {
    const { clock } = this.#options;
    let turnMs = clock.monoMs();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (clock.monoMs() - turnMs < TURN_MS) continue;
      await new Promise<void>((resolve) => void clock.after(0, resolve));
      turnMs = clock.monoMs();
    }
  }
}
