/** @module What must be true of the repository as a whole: versions, lock file, licence, nothing of anybody's machine. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { readRepositoryFile, repositoryFiles } from './kit/repository.ts';

interface Manifest {
  readonly license: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly overrides: Record<string, string>;
}
const manifest: Manifest = JSON.parse(readRepositoryFile('package.json'));

test('the pinned Node runs this', (t) => {
  t.is(process.versions.node, manifest.dependencies.node ?? 'not pinned');
  t.true(process.versions.node.startsWith('26.'));
});

test('all versions are exact', (t) => {
  const { dependencies, devDependencies, overrides } = manifest;
  const versions = Object.entries({ ...overrides, ...devDependencies, ...dependencies });
  t.true(versions.length > 15);
  t.deepEqual(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  );
});

test('the lock file agrees with package.json and names no registry', (t) => {
  const text = readRepositoryFile('package-lock.json');
  const lock: { packages: Record<string, { version?: string; integrity?: string; link?: boolean }> } = JSON.parse(text);
  t.false(text.includes('"resolved"'));
  t.false(/https?:\/\/[^"]*registry/.test(text));
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    t.is(lock.packages[`node_modules/${name}`]?.version, version, name);
  }
  const unchecked = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== '' && entry.integrity === undefined,
  );
  t.deepEqual(unchecked, []);
});

test('the licence is Apache-2.0, in its own words', (t) => {
  t.is(manifest.license, 'Apache-2.0');
  const words = readRepositoryFile('LICENSE').replace(/\s+/g, ' ').trim();
  t.true(words.startsWith('Apache License Version 2.0, January 2004 http://www.apache.org/licenses/'));
  t.regex(words, /TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION/);
  t.regex(words, /limitations under the License\.$/);
  t.true(createHash('sha256').update(words).digest('hex').length === 64 && words.length > 9_000);
});

/** Built from halves, so that this file does not hold what it looks for. */
const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  [
    'a path of a workplace',
    new RegExp(`(?<![\\w.~/-])/(?:${['wor' + 'k', 'roo' + 't', 'ho' + 'me/[a-z]', 'Use' + 'rs'].join('|')})/[\\w.-]`),
  ],
  [
    'the host of a package registry',
    new RegExp(
      `${'regis' + 'try'}\\.(?:npmjs|yarnpkg|npmmirror)\\.|${'artifac' + 'tory'}|\\b(?:np` +
        `m|nex` +
        `us)[\\w-]*\\.[\\w.-]*(?:internal|local|corp)\\b`,
    ),
  ],
  [
    'a key or token',
    new RegExp(`${'BEG' + 'IN'} (?:RSA |EC |OPENSSH )?PRIVATE KEY|gh[po]_[A-Za-z0-9]{30}|npm_[A-Za-z0-9]{36}`),
  ],
];
const TEXT = /(?:^|\/)[^.]+$|\.(?:ts|mts|mjs|js|json|md|ya?ml|sh|txt|prom|html)$/;

test('no file names anybody’s machine, a registry or a secret', (t) => {
  const found: string[] = [];
  for (const path of repositoryFiles()) {
    if (!TEXT.test(path) || path.startsWith('test/data/')) continue;
    const lines = readRepositoryFile(path).split('\n');
    for (const [what, pattern] of FORBIDDEN) {
      for (const [index, line] of lines.entries()) if (pattern.test(line)) found.push(`${path}:${index + 1}: ${what}`);
    }
  }
  t.deepEqual(found, []);
});

test('the search for such lines finds them', (t) => {
  const lines = [
    'see /wor' + 'k/main/x',
    'at /roo' + 't/.npmrc',
    'https://regis' + 'try.npmjs.org/',
    '-----BEG' + 'IN PRIVATE KEY-----',
  ];
  for (const line of lines)
    t.true(
      FORBIDDEN.some(([, pattern]) => pattern.test(line)),
      line,
    );
  for (const line of ['./wor' + 'k/x', '/proc/self', 'a registry.ts']) {
    t.false(
      FORBIDDEN.some(([, pattern]) => pattern.test(line)),
      line,
    );
  }
});
