/** @module The texts of the sources of Weir itself, for pages made from them. */
import { readdir, readFile } from 'node:fs/promises';

const ROOT = new URL('../../', import.meta.url);
const FOLDERS = ['exporters', 'pipeline', 'processors', 'receivers'];

export interface SourceText {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly text: string;
}

/** All of them, sorted by path. */
export async function sourceTexts(): Promise<SourceText[]> {
  const files = (await Promise.all(FOLDERS.map(filesOf))).flat().sort();
  return Promise.all(files.map(async (file) => ({ file, text: await readFile(new URL(file, ROOT), 'utf8') })));
}

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(new URL(folder, ROOT), { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);
}
