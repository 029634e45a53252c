/** @module Standard output as a place for whole lines, with a bound on what a slow reader may leave waiting. */

/** Takes text of whole lines at once or not at all. */
export interface LineWriter {
  /** False when more than the limit waits already; then nothing was written. */
  write(lines: string): boolean;
}

/** What is needed of `process.stdout`. */
export interface TextStream {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A writer on standard output that lets at most `maxWaitingBytes` wait. A closed reader takes nothing more. */
export function stdoutWriter(maxWaitingBytes: number, stream: TextStream = process.stdout): LineWriter {
  let broken = false;
  // A reader that went away (`weir run | head`) is no reason to end the process.
  stream.on('error', () => {
    broken = true;
  });
  return {
    write(lines) {
      if (broken || stream.destroyed || stream.writableLength > maxWaitingBytes) return false;
      stream.write(lines);
      return true;
    },
  };
}
