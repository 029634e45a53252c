/** @module Documentation that is generated is up to date. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { replaceBlock } from '../../bin/docs/block.ts';
import { PAGES } from '../../bin/docs/pages.ts';
import { PROBLEM_CODES } from '../../pipeline/config/problem.ts';
import { ERROR_CODES } from '../../pipeline/errors.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

for (const page of PAGES) {
  test(`${page.path} is as npm run docs writes it`, async (t) => {
    const now = read(page.path);
    t.is(await page.render(now), now);
  });
}

test('the page of errors and the tables of codes name the same codes', (t) => {
  const written = [...read('docs/reference/errors.md').matchAll(/^### (WEIR\w+):/gm)].map((match) => match[1]);
  t.deepEqual(written.sort(), [...Object.keys(PROBLEM_CODES), ...Object.keys(ERROR_CODES)].sort());
});

test('a block is replaced between its marks, and a page without them is refused', (t) => {
  const page = 'a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n';
  t.is(replaceBlock(page, 'x', 'new\n'), 'a\n<!-- generated: x -->\nnew\n<!-- end: x -->\nb\n');
  t.throws(() => replaceBlock(page, 'y', ''), { message: /no block "y"/ });
});
