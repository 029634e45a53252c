/** @module Documentation that is generated is up to date, and its examples are right configurations. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { replaceBlock } from '../../bin/docs/block.ts';
import { PAGES } from '../../bin/docs/pages.ts';
import { loadConfig } from '../../pipeline/config/load.ts';
import { renderProblems } from '../../pipeline/config/print.ts';
import { PROBLEM_CODES } from '../../pipeline/config/problem.ts';
import { ERROR_CODES } from '../../pipeline/errors.ts';
import { registry } from '../../pipeline/graph/registry.ts';

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

/** Whole configurations in fenced blocks. */
function examples(path: string): string[] {
  const blocks = [...read(path).matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  return blocks.filter((block) => /^service:/m.test(block));
}

test('every whole example of the configuration page is valid', async (t) => {
  const found = examples('docs/configuration.md');
  t.true(found.length > 0);
  for (const text of found) {
    const { problems } = await loadConfig(['example.yaml'], { env: {}, registry, read: async () => text });
    t.is(renderProblems(problems), '');
  }
});

test('a block is replaced between its marks, and a page without them is refused', (t) => {
  const page = 'a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n';
  t.is(replaceBlock(page, 'x', 'new\n'), 'a\n<!-- generated: x -->\nnew\n<!-- end: x -->\nb\n');
  t.throws(() => replaceBlock(page, 'y', ''), { message: /no block "y"/ });
});
