/** @module The pages' words on spans, tried: config.yaml as it is but for its ports, the command, and what it then prints. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { assertStoppedWhole, startCli } from '../kit/cli.ts';
import { freePorts } from '../kit/ports.ts';
import { readRepositoryFile } from '../kit/repository.ts';

/** What `config.yaml` listens on. */
const OWN_PORTS = ['18080', '18888', '13134', '14317', '14318'];
const COMMAND = /^curl (http:\/\/127\.0\.0\.1:14318\S*) -H "content-type: ([^"]+)" -d @(\S+)$/m;

test('the spans that README.md sends to config.yaml are answered and printed as it says', async (t) => {
  t.timeout(60_000);
  const page = readRepositoryFile('README.md');
  const [, url = '', contentType = '', file = ''] = COMMAND.exec(page) ?? [];
  const printed = /^```\n(spans count=.*?)\n```$/ms.exec(page)?.[1] ?? '';
  t.true(printed.split('\n').length === 3, 'the page shows what is printed');

  const ports = await freePorts(OWN_PORTS.length);
  const moved = new Map(OWN_PORTS.map((port, i) => [port, String(ports[i])]));
  const move = (text: string) => OWN_PORTS.reduce((all, port) => all.replaceAll(port, moved.get(port) ?? port), text);
  const folder = await mkdtemp(join(tmpdir(), 'weir-spans-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'config.yaml'), move(readRepositoryFile('config.yaml')));
  const weir = startCli(['run', '-c', 'config.yaml'], { cwd: folder });
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');

  const body = readRepositoryFile(file);
  const answer = await fetch(move(url), { method: 'POST', headers: { 'content-type': contentType }, body });
  t.is(answer.status, 200);
  t.is(await answer.text(), '{}');
  await weir.printed('name=GET /stock');
  weir.child.kill('SIGTERM');
  const finished = await weir.finished;
  assertStoppedWhole(t, finished);
  t.is(finished.out, `${printed}\n`);
  t.true(page.includes('It answers `{}`'));
});
