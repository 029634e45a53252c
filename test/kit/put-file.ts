/** @module A file put in place whole, as an operator's tool does it: no reader ever sees it half written or empty. */
import { rename, writeFile } from 'node:fs/promises';

/** Writes `text` beside `path` and moves it there; the name it has meanwhile ends in `.next`, which no pattern of targets finds. */
export async function putFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, text);
  await rename(next, path);
}
