/** @module Each wrong configuration prints exactly the text that stands beside it. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { PROBLEM_CODES } from '../../../pipeline/config/problem.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

const FOLDER = new URL('../../data/config/wrong/', import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

async function printed(name: string): Promise<string> {
  const read = (file: string) => readFile(new URL(file, FOLDER), 'utf8');
  const { problems, config } = await loadConfig([name], { env: { SCHEME: 'http' }, registry, read });
  return config === null ? renderProblems(problems) : `accepted\n${renderProblems(problems)}`;
}

for (const name of files) {
  test(`wrong file ${name}`, async (t) => {
    t.is(await printed(name), readFileSync(new URL(name.replace('.yaml', '.txt'), FOLDER), 'utf8'));
  });
}

test('there are at least thirty wrong files, and they show nearly every code', (t) => {
  t.true(files.length >= 30);
  const texts = files.map((name) => readFileSync(new URL(name.replace('.yaml', '.txt'), FOLDER), 'utf8')).join('');
  const unseen = Object.keys(PROBLEM_CODES).filter((code) => !texts.includes(code));
  // Unreadable files and texts that are too deep are tested where they are made.
  t.deepEqual(unseen, ['WEIR1001', 'WEIR1025']);
});

test('no secret of any wrong file is printed', (t) => {
  for (const name of files)
    t.notRegex(readFileSync(new URL(name.replace('.yaml', '.txt'), FOLDER), 'utf8'), /hunter\d/);
});
