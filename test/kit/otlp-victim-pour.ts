/** @module Bytes poured into a port without end, and what the far side makes of it: only what it does itself is told. */
import { open } from './otlp-victim-calls.ts';

export interface Pouring {
  readonly port: number;
  readonly from: string;
  /** What comes first, and what comes again and again behind it. */
  readonly first: Uint8Array;
  readonly again: Uint8Array;
  readonly times: number;
  /** Answers are not read before all is sent, or until the far side takes no more for a while. */
  readonly isDeaf: boolean;
  /** So long the far side may leave the connection open once all is sent or nothing more is taken, milliseconds. */
  readonly patienceMs: number;
}

/** What the far side did. */
export interface Poured {
  /** Closed by the far side; this side never does so before. */
  readonly isClosed: boolean;
  /** All that came from it. */
  readonly answer: Buffer;
  /** How often `again` was handed to the system. */
  readonly times: number;
  readonly tookMs: number;
}

/** Without a byte that the far side takes for so long, it takes no more. */
const STUCK_MS = 2000;

/** `sent`: all is sent, or no more is taken; then the far side has the word. */
export function pour(pouring: Pouring): { readonly sent: Promise<void>; readonly poured: Promise<Poured> } {
  const sent = Promise.withResolvers<void>();
  const poured = Promise.withResolvers<Poured>();
  new Pour(pouring, sent.resolve, poured.resolve);
  return { sent: sent.promise, poured: poured.promise };
}

class Pour {
  readonly #pouring: Pouring;
  readonly #sent: () => void;
  readonly #resolve: (poured: Poured) => void;
  readonly #socket;
  readonly #came: Buffer[] = [];
  readonly #began = performance.now();
  #times = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(pouring: Pouring, sent: () => void, resolve: (poured: Poured) => void) {
    this.#pouring = pouring;
    this.#sent = sent;
    this.#resolve = resolve;
    const socket = open(pouring.port, pouring.from);
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => this.#came.push(piece));
    socket.on('close', () => this.#end(true));
    if (pouring.isDeaf) socket.pause();
    socket.write(pouring.first);
    this.#more();
  }

  #more(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    const { again, times } = this.#pouring;
    while (this.#times < times && !socket.destroyed) {
      this.#times += 1;
      if (socket.write(again)) continue;
      socket.once('drain', () => this.#more());
      this.#timer = setTimeout(() => this.#listen(), STUCK_MS);
      return;
    }
    this.#listen();
  }

  /** Waits for the far side to say or do something. */
  #listen(): void {
    this.#sent();
    this.#socket.resume();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(false), this.#pouring.patienceMs);
  }

  #end(isClosed: boolean): void {
    clearTimeout(this.#timer);
    this.#sent();
    const tookMs = performance.now() - this.#began;
    this.#resolve({ isClosed, answer: Buffer.concat(this.#came), times: this.#times, tookMs });
    this.#socket.destroy();
  }
}
