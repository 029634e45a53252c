/** @module `npm run docs`: renews what is generated in the documentation; `--check` only says what differs. */
import { readFile, writeFile } from 'node:fs/promises';
import { PAGES } from './pages.ts';

const ROOT = new URL('../../', import.meta.url);
const check = process.argv.includes('--check');

for (const page of PAGES) {
  const file = new URL(page.path, ROOT);
  const now = await readFile(file, 'utf8').catch(() => '');
  const wanted = await page.render(now);
  if (wanted === now) continue;
  if (check) process.exitCode = 1;
  else await writeFile(file, wanted);
  process.stdout.write(`${page.path}: ${check ? 'differs; run npm run docs' : 'written'}\n`);
}
