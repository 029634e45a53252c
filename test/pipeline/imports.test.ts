/** @module The shape of the house: who imports whom, and where time, randomness, files and sockets may be used. */
import test from 'ava';
import { blank, breaches, importsOf } from '../kit/imports.ts';
import { readRepositoryFile, repositoryFiles } from '../kit/repository.ts';

const SOURCE = /^(?:pipeline|receivers|processors|exporters|demo|examples|test|bin)\/.*\.(?:ts|mts|mjs)$/;
const sources = repositoryFiles().filter((path) => SOURCE.test(path) && !path.endsWith('.d.mts'));

test('every source file keeps the rules', (t) => {
  t.true(sources.length > 50, 'the walk found the sources');
  const found = sources.flatMap((path) => breaches(path, readRepositoryFile(path)));
  t.deepEqual(found, []);
});

test('every component folder holds README.md, factory.ts and config.ts', (t) => {
  const files = new Set(repositoryFiles());
  const folders = new Set(
    [...files]
      .map((path) => /^(?:receivers|processors|exporters)\/[^/]+\//.exec(path)?.[0])
      .filter((folder) => folder !== undefined && folder !== 'receivers/scrape/'),
  );
  folders.add('pipeline/telemetry/health-check/');
  const missing = [...folders].flatMap((folder) =>
    ['README.md', 'factory.ts', 'config.ts'].map((name) => `${folder}${name}`).filter((path) => !files.has(path)),
  );
  t.deepEqual(missing, []);
});

const HEAD = '/** @module What it is for. */\n';

const allowed = test.macro({
  exec(t, path: string, code: string) {
    t.deepEqual(breaches(path, HEAD + code), []);
  },
  title: (_, path: string, code: string) => `${path} may: ${code.slice(0, 90)}`,
});
const broken = test.macro({
  exec(t, path: string, code: string, message: RegExp) {
    const found = breaches(path, HEAD + code);
    t.is(found.length, 1, found.join('\n'));
    t.regex(found[0] ?? '', message);
    t.true(found[0]?.startsWith(`${path}: `));
  },
  title: (_, path: string, code: string) => `${path} may not: ${code.slice(0, 90)}`,
});

// Own files.
test(allowed, 'receivers/linkerd/linkerd.ts', "import { a } from '../scrape/target.ts';");
test(allowed, 'receivers/linkerd/linkerd.ts', "import { a } from '../../pipeline/net/http-client.ts';");
test(allowed, 'receivers/linkerd/linkerd.ts', "import { a } from './rules.ts';");
test(
  broken,
  'receivers/linkerd/linkerd.ts',
  "import { a } from '../istio/rules.ts';",
  /may not import receivers\/istio/,
);
test(broken, 'receivers/linkerd/linkerd.ts', "import { a } from '../../processors/smi/smi.ts';", /processors\/smi/);
test(broken, 'receivers/linkerd/linkerd.ts', "import { a } from '../../pipeline/graph/build.ts';", /pipeline\/graph/);
test(broken, 'receivers/scrape/scrape.ts', "export * from '../linkerd/rules.ts';", /receivers\/linkerd/);
test(
  allowed,
  'processors/smi/smi.ts',
  "import { Subject } from 'rxjs/internal/Subject';\nimport { a } from '../../pipeline/model/sum.ts';",
);
test(broken, 'processors/smi/smi.ts', "import { a } from '../../pipeline/net/files.ts';", /pipeline\/net/);
test(
  broken,
  'processors/smi/smi.ts',
  "const a = await import('../../receivers/linkerd/rules.ts');",
  /receivers\/linkerd/,
);
test(broken, 'exporters/kafka/kafka.ts', "import { a } from '../../receivers/scrape/target.ts';", /receivers\/scrape/);
test(broken, 'exporters/kafka/kafka.ts', "import type { A } from '../smi/smi.ts';", /exporters\/smi/);
test(allowed, 'exporters/kafka/kafka.ts', "import { a } from '../../pipeline/sending/retry.ts';");
test(allowed, 'pipeline/graph/registry.ts', "const a = () => import('../../receivers/linkerd/factory.ts');");
test(
  broken,
  'pipeline/graph/build.ts',
  "import { a } from '../../receivers/linkerd/factory.ts';",
  /receivers\/linkerd/,
);
test(broken, 'pipeline/graph/build.ts', "import { a } from '../cli/run.ts';", /pipeline\/cli/);
test(broken, 'pipeline/model/sum.ts', "import { a } from '../batch.ts';", /pipeline\/batch\.ts/);
test(broken, 'pipeline/wire/otlp.ts', "import { a } from '../config/types.ts';", /pipeline\/config/);
test(allowed, 'pipeline/wire/otlp.ts', "import { a } from '../model/sum.ts';\nimport { gzipSync } from 'node:zlib';");
test(broken, 'pipeline/batch.ts', "import { a } from './cli/run.ts';", /pipeline\/cli/);
test(broken, 'demo/main.ts', "import { a } from '../exporters/smi/smi.ts';", /exporters\/smi/);
test(broken, 'pipeline/net/files.ts', "import { a } from '../../test/kit/clock.ts';", /test\/kit/);
test(broken, 'examples/consumer/main.ts', "import { a } from '../../pipeline/wire/duration.ts';", /pipeline\/wire/);
test(broken, 'other/x.ts', "import { a } from '../pipeline/batch.ts';", /no known folder/);

// Packages.
test(broken, 'exporters/kafka/kafka.ts', "import { Kafka } from 'kafkajs';", /may not import kafkajs/);
test(allowed, 'pipeline/net/kafka.ts', "const { Kafka } = await import('kafkajs');");
test(broken, 'pipeline/net/http-server.ts', "import { Pool } from 'undici';", /may not import undici/);
test(broken, 'exporters/smi/smi.ts', "import { serve } from '@hono/node-server';", /may not import @hono\/node-server/);
test(broken, 'exporters/smi/smi.ts', "import { cors } from 'hono/cors';", /may not import hono/);
test(broken, 'receivers/linkerd/linkerd.ts', "import { pino } from 'pino';", /may not import pino/);
test(broken, 'receivers/linkerd/linkerd.ts', "import { map } from 'rxjs';", /may not import rxjs/);
test(broken, 'processors/smi/smi.ts', "import { map } from 'rxjs';", /loads all of rxjs/);
test(broken, 'pipeline/net/http-client.ts', "import { type Dispatcher, Client } from 'undici';", /loads all of undici/);
test(allowed, 'pipeline/net/http-client.ts', "import type { Dispatcher } from 'undici';");
test(
  allowed,
  'pipeline/component.ts',
  "import type { ZodType } from 'zod';\nimport type { OperatorFunction } from 'rxjs';",
);
test(broken, 'pipeline/component.ts', "import type { Hono } from 'hono';", /may not import hono/);
test(allowed, 'exporters/kafka/config.ts', "import { z } from 'zod';");
test(broken, 'exporters/kafka/kafka.ts', "import { z } from 'zod';", /may not import zod/);
test(broken, 'pipeline/cli/run.ts', "import chalk from 'chalk';", /does not know/);
test(
  broken,
  'pipeline/batch.ts',
  "import {\n  Meter,\n} from '@opentelemetry/api';",
  /may not import @opentelemetry\/api/,
);

// Node's modules.
test(
  broken,
  'receivers/scrape/scrape.ts',
  "import { readFile } from 'node:fs/promises';",
  /input or output through node:fs/,
);
test(allowed, 'pipeline/net/files.ts', "import { readFile } from 'node:fs/promises';");
test(allowed, 'pipeline/queue/log.ts', "import { open } from 'node:fs/promises';");
test(broken, 'pipeline/config/load.ts', "import { readFile } from 'node:fs/promises';", /belongs into pipeline\/net/);
test(broken, 'exporters/smi/smi.ts', 'const answer = await fetch(url);', /global client such as fetch/);
test(broken, 'pipeline/net/http-client.ts', 'const answer = await globalThis.fetch(url);', /global client/);
test(broken, 'receivers/scrape/page.ts', 'const socket = new WebSocket(url);', /global client/);
test(broken, 'receivers/scrape/page.ts', 'const request = new XMLHttpRequest();', /global client/);
test(allowed, 'demo/kafka.ts', 'const answer = await fetch(url);');
test(allowed, 'receivers/scrape/page.ts', 'this.fetch(url); function fetchPage() {}');
test(allowed, 'demo/proxies/server.ts', "import { createServer } from 'node:http';");
test(broken, 'exporters/smi/smi.ts', "import { createServer } from 'node:http';", /input or output/);
test(broken, 'processors/smi/smi.ts', "const { connect } = await import('node:net');", /input or output/);
test(broken, 'pipeline/wire/otlp.ts', "import { inspect } from 'node:util';", /is pure/);
test(broken, 'exporters/kafka/encode.ts', "import { randomUUID } from 'node:crypto';", /randomness/);
test(broken, 'exporters/kafka/encode.ts', "import * as crypto from 'node:crypto';", /randomness/);
test(allowed, 'pipeline/net/token.ts', "import { timingSafeEqual } from 'node:crypto';");
test(broken, 'pipeline/sending/retry.ts', "import { scheduler } from 'node:timers/promises';\n", /node:timers/);
test(broken, 'pipeline/graph/build.ts', "import { performance } from 'node:perf_hooks';", /perf_hooks/);

// Time, randomness, exit.
test(broken, 'pipeline/sending/retry.ts', 'const at = Date.now();', /Date\.now/);
test(broken, 'pipeline/sending/retry.ts', 'const at = new Date();', /new Date/);
test(broken, 'pipeline/sending/retry.ts', 'const at = new Date;', /new Date/);
test(allowed, 'pipeline/sending/retry.ts', 'const text = new Date(wallMs).toISOString();');
test(broken, 'pipeline/sending/retry.ts', 'const at = performance.now();', /performance/);
test(broken, 'pipeline/sending/retry.ts', 'setTimeout(fire, 10);', /timer/);
test(broken, 'demo/world/world.ts', 'const wait = setInterval;', /timer/);
test(broken, 'demo/world/world.ts', 'const roll = Math.random();', /Math\.random/);
test(broken, 'pipeline/net/http-client.ts', 'const signal = AbortSignal.timeout(5);', /AbortSignal\.timeout/);
test(broken, 'pipeline/net/http-client.ts', 'globalThis.setTimeout(fire, 5);', /globalThis/);
test(broken, 'pipeline/net/http-client.ts', `const text = \`at \${Date.now()}\`;`, /Date\.now/);
test(allowed, 'pipeline/net/http-client.ts', 'socket.setTimeout(5);');
test(allowed, 'pipeline/clock/clock.ts', 'const at = Date.now() + performance.now() + Math.random();');
test(allowed, 'pipeline/net/http-client.ts', '// Date.now()\nconst text = "Math.random()"; /* setTimeout() */');
test(allowed, 'pipeline/net/http-client.ts', 'const pattern = /[\'"]Date.now()/; const half = a / b / c;');
test(broken, 'pipeline/graph/build.ts', 'process.exit(1);', /ends the process/);
test(allowed, 'pipeline/graph/build.ts', 'process.exitCode = 1;');
test(allowed, 'pipeline/main.ts', 'process.exit(1);');

test('a file without its sentence is told', (t) => {
  t.regex(breaches('pipeline/batch.ts', 'export const a = 1;\n')[0] ?? '', /@module/);
  t.deepEqual(breaches('bin/run.mjs', `#!/usr/bin/env node\n/**\n * @module What it is.\n */\n`), []);
});

test('all forms of import are read', (t) => {
  const code = `
import a from 'a';
import * as b from "b";
import { c, type C as D } from 'c';
import type { D } from 'd';
import { type E, type F } from 'e';
import 'f';
export { g } from 'g';
export * from 'h';
export type { I } from 'i';
import {
  j,
} from 'j';
const k = await import('k');
import l, { m } from 'l'; import n from 'n';
type O = import('o').O;`;
  const found = importsOf(code);
  t.deepEqual(found.map((each) => each.specifier).sort(), [...'abcdefghijklno']);
  t.deepEqual(
    found.filter((each) => each.typeOnly).map((each) => each.specifier),
    ['d', 'e', 'i'],
  );
  t.deepEqual(found.find((each) => each.specifier === 'c')?.names, ['c', 'C']);
});

test('blanking keeps lines and lengths, and code after odd texts', (t) => {
  const text =
    "const a = 'it\\'s'; // x\nconst b = `t${a + `u${1}`}v`; const c = /[/'`]/g; const d = a.b / 2; f('/'); g();";
  const code = blank(text, true);
  t.is(code.length, text.length);
  t.is(code.split('\n').length, 2);
  for (const part of ['a.b / 2', 'g();', '{a +', 'const c =']) t.true(code.includes(part), code);
  for (const part of ['it', 'x', 't$', 'u$', 'v']) t.false(code.includes(part), code);
});
