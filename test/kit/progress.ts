/** @module Signs of life of work that takes long, for whoever waits for a soak. */

/** Work that nobody waits for says nothing. */
const LONG = 10_000;
const PARTS = 10;

/** To be called after each of `total` pieces of work. */
export function progress(what: string, total: number): () => void {
  let done = 0;
  const part = Math.ceil(total / PARTS);
  return () => {
    done += 1;
    if (total >= LONG && done % part === 0) process.stderr.write(`${what}: ${done} of ${total}\n`);
  };
}
