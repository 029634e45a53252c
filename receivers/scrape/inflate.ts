/** @module Gzip undone piece by piece while a page arrives; whoever takes the text counts it and closes at its limit. */
import { createGunzip, type Gunzip } from 'node:zlib';

/** 256 KiB chunks inflate at a quarter of the cost of the default 16 KiB ones. */
const CHUNK_BYTES = 256 * 1024;

export interface InflaterHandler {
  onText(piece: Uint8Array): void;
  /** After `write` returned false: room again. */
  onDrain(): void;
  onEnd(): void;
  /** `cut` is true when the data ended too early, false when it is damaged. */
  onError(cut: boolean, text: string): void;
}

export class Inflater {
  readonly #gunzip: Gunzip;

  constructor(handler: InflaterHandler) {
    this.#gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
    this.#gunzip.on('data', (piece: Uint8Array) => handler.onText(piece));
    this.#gunzip.on('drain', () => handler.onDrain());
    this.#gunzip.on('end', () => handler.onEnd());
    this.#gunzip.on('error', (error) => {
      const cut = 'code' in error && error.code === 'Z_BUF_ERROR';
      handler.onError(cut, cut ? 'the gzip data ends too early' : `the gzip data is damaged: ${error.message}`);
    });
  }

  /** Returns false when `onDrain` should be waited for. Copies `piece`, since inflating it happens later. */
  write(piece: Uint8Array): boolean {
    return this.#gunzip.write(Uint8Array.from(piece));
  }

  end(): void {
    this.#gunzip.end();
  }

  close(): void {
    this.#gunzip.destroy();
  }
}
