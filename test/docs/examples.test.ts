/** @module What the pages tell people to write, type and follow is right: YAML blocks, command lines and links. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { parseDemoArgs } from '../../demo/args.ts';
import { loadConfig } from '../../pipeline/config/load.ts';
import { renderProblems } from '../../pipeline/config/print.ts';
import { registry } from '../../pipeline/graph/registry.ts';
import type { OtlpConfig } from '../../receivers/otlp/config.ts';
import { startServer } from '../exporters/smi/server.ts';
import { callWeir } from '../kit/cli.ts';
import { ROOT, readRepositoryFile, repositoryFiles } from '../kit/repository.ts';
import { covered, own, peer, record, sumOf } from '../kit/traffic.ts';

const PAGES = repositoryFiles().filter((path) => path.endsWith('.md'));

interface Block {
  readonly path: string;
  readonly line: number;
  readonly language: string;
  /** Whose it is where it is not Weir's: the word behind the language, `collector`; else ''. */
  readonly whose: string;
  readonly text: string;
}

function blocksOf(path: string): Block[] {
  const page = readRepositoryFile(path);
  return [...page.matchAll(/^```(\w*)(?: (\w+))?\n(.*?)^```$/gms)].map((match) => ({
    path,
    line: page.slice(0, match.index).split('\n').length + 1,
    language: match[1]!,
    whose: match[2] ?? '',
    text: match[3]!,
  }));
}

const BLOCKS = PAGES.flatMap(blocksOf);
const YAML = BLOCKS.filter(({ language, whose }) => language === 'yaml' && whose === '');
const COLLECTOR_YAML = BLOCKS.filter(({ language, whose }) => language === 'yaml' && whose === 'collector');

/** A block is a whole configuration when it has pipelines; any other is a fragment, which this frame completes. */
function frameFor({ text }: Block): string {
  const exporter = /^exporters:\n {2}([\w/]+):/m.exec(text)?.[1] ?? 'smi';
  return `
receivers: { linkerd: { static_configs: [{ targets: ["127.0.0.1:4191"] }] } }
processors: { smi: {} }
exporters: { ${exporter}: {} }
service: { pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [${exporter}] } } }
`;
}

const isWhole = ({ text }: Block) => /^service:\n(?: .*\n)*? {2}pipelines:/m.test(text);

/** Everything the configuration of a block has to say against it, '' when nothing. */
async function complaints(block: Block): Promise<string> {
  const files = new Map([['example.yaml', block.text]]);
  if (!isWhole(block)) files.set('frame.yaml', frameFor(block));
  const { problems } = await loadConfig([...files.keys()].reverse(), {
    env: { POD_NAME: 'web-0' },
    registry,
    read: async (file) => files.get(file) ?? '',
  });
  return renderProblems(problems);
}

for (const block of YAML) {
  test(`the YAML of ${block.path}:${block.line} is valid as it stands, ${isWhole(block) ? 'whole' : 'in a frame'}`, async (t) => {
    t.is(await complaints(block), '');
  });
}

test('whole configurations and fragments are both there, and a wrong one would be told of', async (t) => {
  t.true(YAML.filter(isWhole).length >= 2);
  t.true(YAML.filter((block) => !isWhole(block)).length >= 5);
  for (const block of YAML) {
    t.regex(await complaints({ ...block, text: block.text.replace(/^( {2}\w+):/m, '$1x:') }), /WEIR\d+/, block.path);
  }
});

interface CollectorConfig {
  readonly receivers: {
    readonly prometheus: {
      readonly config: {
        readonly global?: { readonly scrape_interval: string };
        readonly scrape_configs: readonly { readonly job_name: string; readonly scrape_interval?: string }[];
      };
    };
  };
  readonly exporters: Readonly<Record<string, { readonly endpoint: string }>>;
  readonly service: {
    readonly pipelines: Readonly<Record<string, { readonly receivers: string[]; readonly exporters: string[] }>>;
  };
}

test('configurations of a Collector fit that of the Weir beside them: address, signal and interval', async (t) => {
  t.true(COLLECTOR_YAML.length >= 2);
  for (const { path, line, text } of COLLECTOR_YAML) {
    const { receivers, exporters, service }: CollectorConfig = parse(text, { strict: true });
    const place = `${path}:${line}`;
    const weir = YAML.find((block) => block.path === path && isWhole(block))!;
    const { config } = await loadConfig(['weir.yaml'], { env: {}, registry, read: async () => weir.text });
    const { id, config: otlp } = config!.pipelines[0]!.receivers[0]!;
    const { protocols, scrape_interval: intervalMs } = otlp as OtlpConfig;
    t.is(id, 'otlp', place);
    t.is(exporters.otlphttp!.endpoint, `http://127.0.0.1:${protocols.http!.endpoint.port}`, place);
    t.deepEqual(service.pipelines, { metrics: { receivers: ['prometheus'], exporters: ['otlphttp'] } }, place);
    const { global, scrape_configs: jobs } = receivers.prometheus.config;
    for (const { job_name: job, scrape_interval: own } of jobs)
      t.is(own ?? global?.scrape_interval, `${intervalMs / 1000}s`, `${place} ${job}`);
  }
});

test('blocks of other programs are marked with a word that is known', (t) => {
  for (const { path, line, whose } of BLOCKS) t.true(['', 'collector'].includes(whose), `${path}:${line}`);
});

/** Command lines of a page: lines of blocks without a language, and code within sentences. */
function commandsOf(path: string): string[] {
  const lines = BLOCKS.filter((block) => block.path === path && block.language !== 'yaml').flatMap(({ text }) =>
    text.split('\n'),
  );
  const inline = [...readRepositoryFile(path).matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
  return [...lines, ...inline]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => /^(?:bin\/weir|weir|npm (?:run|test)|curl|node) ?/.test(line));
}

const COMMANDS = PAGES.flatMap((path) => commandsOf(path).map((command) => ({ path, command })));
const starting = (start: RegExp) => COMMANDS.filter(({ command }) => start.test(command));

test('every weir command of the pages exists with its flags', async (t) => {
  const commands = starting(/^(?:bin\/)?weir /);
  t.true(commands.length >= 8, `${commands.length}`);
  for (const { path, command } of commands) {
    const [, verb = '', ...args] = command.split(/\s+/);
    if (verb === 'demo') {
      t.is(parseDemoArgs(args).kind, 'run', `${path}: ${command}`);
      continue;
    }
    const help = await callWeir([verb, '--help']);
    t.is(help.code, 0, `${path}: ${command}`);
    for (const flag of args.filter((arg) => arg.startsWith('-'))) {
      t.regex(help.out, new RegExp(`(?:^|[\\s,])${flag}\\b`), `${path}: ${command}`);
    }
    if (verb === 'components' && args[0] !== undefined) t.is((await callWeir([verb, args[0]])).code, 0, command);
    const file = args[args.indexOf('-c') + 1];
    if (args.includes('-c') && file === 'config.yaml') t.true(existsSync(join(ROOT, file)));
  }
});

test('every npm script of the pages exists, and so does the program it starts', (t) => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readRepositoryFile('package.json'));
  const commands = starting(/^npm /);
  t.true(commands.length >= 6);
  for (const { path, command } of commands) {
    const [, first = '', second = '', dashes, ...args] = command.split(/\s+/);
    const script = first === 'run' ? second : first;
    t.true(script in scripts, `${path}: ${command}`);
    if (script === 'demo' && dashes === '--') t.is(parseDemoArgs(args).kind, 'run', `${path}: ${command}`);
  }
  const programs = readRepositoryFile('bin/run.mjs').matchAll(/^ {2}\['(\w+)', \{ file: '([^']+)'/gm);
  const files = new Map(Array.from(programs, (match) => [match[1]!, match[2]!]));
  t.true(files.size >= 4);
  for (const [step, file] of files) {
    t.true(existsSync(join(ROOT, file)), `${step} starts ${file}`);
    t.true(step in scripts, `${step} is a script`);
  }
});

test('every program of the pages that node starts is there', (t) => {
  const commands = starting(/^node [\w/.-]+\.m?[jt]s/);
  t.true(commands.length >= 1);
  for (const { path, command } of commands)
    t.true(existsSync(join(ROOT, command.split(' ')[1]!)), `${path}: ${command}`);
});

test('every path of the API that the pages ask for is answered', async (t) => {
  const workloads = ['shop/web', 'emojivoto/web'].map((name) => own(name, { kind: 'Deployment' }));
  const records = workloads.map((me) => record('server', me, peer(null), 5));
  const { ask } = await startServer(t, {
    sums: [
      sumOf(
        records,
        workloads.map((me) => covered(me)),
      ),
    ],
  });
  const urls = COMMANDS.flatMap(({ path, command }) =>
    /^curl /.test(command) ? [{ path, url: new URL(/https?:\S+/.exec(command)?.[0] ?? 'none:') }] : [],
  );
  t.true(urls.length >= 3);
  for (const { path, url } of urls) {
    // The only page of the prometheus exporter, and Weir's own metrics; their own tests ask for them.
    if (['9464', '18889'].includes(url.port)) {
      t.is(`${url.pathname}${url.search}`, '/metrics', path);
      continue;
    }
    // Where spans go in and out; test/docs/spans.test.ts and the demo's tests send there.
    if (['4318', '14318', '4320'].includes(url.port)) {
      t.is(url.pathname, url.port === '4320' ? '/' : '/v1/traces', path);
      continue;
    }
    t.true(['8080', '18080'].includes(url.port), `${path}: ${url}`);
    t.is((await ask(`${url.pathname}${url.search}`)).status, 200, `${path}: ${url}`);
  }
});

/** Where the links of a page go, outside of code: [target, what is linked]. */
function linksOf(path: string): string[] {
  const prose = readRepositoryFile(path)
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map((match) => match[1]!).filter((link) => !/^[a-z]+:/.test(link));
}

/** Anchors of the headings of a page, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const prose = readRepositoryFile(path).replace(/^```.*?^```$/gms, '');
  return new Set(
    [...prose.matchAll(/^#+ (.+)$/gm)].map((match) =>
      match[1]!
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('every relative link leads to a file, and to a heading of it where it names one', (t) => {
  let links = 0;
  for (const page of PAGES) {
    for (const link of linksOf(page)) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : normalize(join(dirname(page), decodeURI(file)));
      links += 1;
      if (!existsSync(join(ROOT, target))) t.fail(`${page}: ${link} leads nowhere`);
      else if (anchor !== undefined && statSync(join(ROOT, target)).isFile())
        t.true(anchorsOf(target).has(anchor), `${page}: ${link} names no heading`);
    }
  }
  t.true(links >= 15, `${links}`);
});
