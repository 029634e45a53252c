/** @module Reads what a source file imports and uses, and says which rules of the house it breaks. Pure. */
import { posix } from 'node:path';

/** One import of a file. */
export interface Import {
  readonly specifier: string;
  /** Vanishes before run time. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
  /** Names between the braces of a static import; empty for all other forms. */
  readonly names: readonly string[];
}

/** Rules that a file at `path` (from the root, with `/`) breaks with `text`: one line each, empty when none. */
export function breaches(path: string, text: string): string[] {
  const code = blank(text, false);
  const imports = importsOf(code);
  return [
    ...headerBreach(path, text),
    ...imports.flatMap((each) => importBreach(path, each)),
    ...purityBreaches(path, blank(text, true)),
  ].map((breach) => `${path}: ${breach}`);
}

/** Every source file says first what it is for (style.md §8); an interpreter line may come before. */
function headerBreach(path: string, text: string): string[] {
  const body = text.replace(/^#!.*\n/, '');
  return /^\/\*\*\s+(?:\* )?@module \S/.test(body) ? [] : [`begins with no /** @module … */ comment (${path})`];
}

const STATIC = /(?:^|[;\n}])\s*(?:import|export)\s+(type\s)?([^'"`;()]*?)\s*from\s*['"]([^'"]+)['"]/g;
const BARE = /(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]/g;
const DYNAMIC = /\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)/g;

/** All imports and re-exports of `code`, whose comments must be blanked. `typeof import('x')` and such count as dynamic. */
export function importsOf(code: string): Import[] {
  const found: Import[] = [];
  for (const [, type, clause = '', specifier = ''] of code.matchAll(STATIC)) {
    const inner = /\{([^}]*)\}/.exec(clause)?.[1]?.split(',') ?? [];
    const items = inner.map((item) => item.trim()).filter((item) => item !== '');
    const outside = clause.replace(/\{[^}]*\}/, '').replace(/[\s,]/g, '');
    const allTypes = items.length > 0 && outside === '' && items.every((item) => item.startsWith('type '));
    const names = items.map((item) => item.replace(/^type /, '').split(/\s+as\s+/)[0] ?? '');
    found.push({ specifier, typeOnly: type !== undefined || allTypes, dynamic: false, names });
  }
  for (const [, specifier = ''] of code.matchAll(BARE))
    found.push({ specifier, typeOnly: false, dynamic: false, names: [] });
  for (const [, specifier = ''] of code.matchAll(DYNAMIC))
    found.push({ specifier, typeOnly: false, dynamic: true, names: [] });
  return found;
}

function importBreach(path: string, each: Import): string[] {
  const { specifier } = each;
  if (specifier.startsWith('node:')) return nodeBreach(path, each);
  if (specifier.startsWith('.')) return localBreach(path, posix.join(posix.dirname(path), specifier));
  return packageBreach(path, each);
}

// --- Own files -------------------------------------------------------------------------------------------------------

/** First match decides. `may` lists what files under `from` may import besides their own folder. */
interface Territory {
  readonly from: RegExp;
  readonly may: readonly RegExp[];
}

const COMPONENT = /^(?:receivers|processors|exporters)\//;
const CORE = /^pipeline\//;
/** Weir's version stands there. */
const MANIFEST = /^package\.json$/;
const NOT_FOR_COMPONENTS = '(?:graph|cli|main\\.ts)';
const TERRITORIES: readonly Territory[] = [
  { from: /^test\//, may: [/./] },
  { from: /^pipeline\/(?:model|wire)\//, may: [/^pipeline\/(?:model|wire)\//] },
  { from: /^pipeline\/graph\/registry\.ts$/, may: [CORE, COMPONENT] },
  { from: /^pipeline\/cli\//, may: [CORE, /^demo\//] },
  { from: /^pipeline\/main\.ts$/, may: [CORE, MANIFEST] },
  { from: /^pipeline\//, may: [/^pipeline\/(?!cli\/|main\.ts)/, MANIFEST] },
  { from: /^receivers\//, may: [new RegExp(`^pipeline/(?!${NOT_FOR_COMPONENTS})`), /^receivers\/scrape\//] },
  { from: /^processors\//, may: [new RegExp(`^pipeline/(?!net/|queue/|sending/|${NOT_FOR_COMPONENTS})`)] },
  { from: /^exporters\//, may: [new RegExp(`^pipeline/(?!${NOT_FOR_COMPONENTS})`)] },
  { from: /^demo\//, may: [CORE] },
  { from: /^bin\//, may: [/^(?:bin|pipeline)\//] },
  { from: /^examples\//, may: [] },
];

function localBreach(path: string, target: string): string[] {
  const territory = TERRITORIES.find(({ from }) => from.test(path));
  if (territory === undefined) return ['lies in no known folder'];
  const own = ownFolder(path);
  if (target.startsWith(own) && !/^pipeline\/$/.test(own)) return [];
  return territory.may.some((allowed) => allowed.test(target)) ? [] : [`may not import ${target}`];
}

/** Folder within which a file is free: a component's, a part of the core, or the top folder. */
function ownFolder(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return COMPONENT.test(path) || CORE.test(path) || top === 'examples'
    ? `${top}/${second.includes('.') ? '' : `${second}/`}`
    : `${top}/`;
}

// --- Packages --------------------------------------------------------------------------------------------------------

/** Where each package may be imported, and whether its types may be named anywhere. */
const PACKAGES = new Map<string, { readonly where: RegExp; readonly types: boolean }>([
  ['rxjs', { where: /^(?:pipeline\/graph|processors)\//, types: true }],
  ['zod', { where: /^pipeline\/config\/|(?:^|\/|-)config\.ts$/, types: true }],
  ['re2js', { where: /^pipeline\/config\/pattern\.ts$/, types: false }],
  ['yaml', { where: /^pipeline\/config\//, types: false }],
  ['pino', { where: /^pipeline\/telemetry\//, types: false }],
  ['@opentelemetry/api', { where: /^pipeline\/telemetry\//, types: false }],
  ['@opentelemetry/sdk-metrics', { where: /^pipeline\/telemetry\//, types: false }],
  ['@opentelemetry/exporter-prometheus', { where: /^pipeline\/telemetry\//, types: false }],
  ['undici', { where: /^pipeline\/net\/(?:http-client|undici-client\.d)\.ts$/, types: false }],
  ['@grpc/grpc-js', { where: /^pipeline\/net\/grpc-client\.ts$/, types: false }],
  ['kafkajs', { where: /^(?:pipeline\/net\/kafka\.ts$|examples\/)/, types: false }],
  ['nats', { where: /^pipeline\/net\/nats\.ts$/, types: false }],
  ['hono', { where: /^pipeline\/net\/http-server\.ts$/, types: false }],
  ['@hono/node-server', { where: /^pipeline\/net\/http-server\.ts$/, types: false }],
  ['commander', { where: /^(?:pipeline\/(?:cli\/|main\.ts$)|demo\/)/, types: false }],
  ['ajv', { where: /^examples\//, types: false }],
]);

/** Packages of which single modules are loaded: their front doors load a hundred and more that nothing here needs. */
const SINGLE_MODULES = new Set(['rxjs', 'undici']);

function packageBreach(path: string, { specifier, typeOnly }: Import): string[] {
  if (path.startsWith('test/')) return [];
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const rule = PACKAGES.get(name);
  if (rule === undefined) return [`imports ${name}, which test/kit/imports.ts does not know`];
  if (!rule.where.test(path) && !(typeOnly && rule.types)) return [`may not import ${name}`];
  const vanishes = typeOnly || path.endsWith('.d.ts');
  const isWhole = specifier === name && !vanishes && SINGLE_MODULES.has(name);
  return isWhole ? [`loads all of ${name} instead of the module that it needs`] : [];
}

// --- Node's modules --------------------------------------------------------------------------------------------------

/** Folders that touch the world, each with the reason why it may. `demo`, `bin`, `examples` are programs of their own. */
const FREE = /^(?:test|demo|bin|examples)\//;
const INPUT_OUTPUT = /^pipeline\/(?:net|queue)\//;
const PURE_MODULES = /^node:(?:buffer|zlib)$/;
/** Modules that only compute. */
const HARMLESS = /^node:(?:buffer|zlib|util|path|path\/posix|url|assert|events|string_decoder|os)$/;
/** What of node:crypto gives the same for the same input. */
const DETERMINISTIC = new Set(['createHash', 'createHmac', 'createPrivateKey', 'timingSafeEqual', 'X509Certificate']);

function nodeBreach(path: string, { specifier, typeOnly, names }: Import): string[] {
  if (/^pipeline\/(?:model|wire)\//.test(path)) {
    return PURE_MODULES.test(specifier) ? [] : [`is pure and may not import ${specifier}`];
  }
  if (typeOnly || FREE.test(path) || HARMLESS.test(specifier)) return [];
  // The program's own compiled code is no data.
  if (specifier === 'node:module' && path === 'pipeline/main.ts') return [];
  if (specifier === 'node:crypto') return cryptoBreach(path, names);
  if (specifier === 'node:perf_hooks') {
    return path === 'pipeline/telemetry/process-metrics.ts'
      ? []
      : ['takes time from node:perf_hooks instead of the Clock'];
  }
  if (/^node:timers/.test(specifier)) return [`takes time from ${specifier} instead of the Clock`];
  return INPUT_OUTPUT.test(path) ? [] : [`does input or output through ${specifier}, which belongs into pipeline/net`];
}

function cryptoBreach(path: string, names: readonly string[]): string[] {
  const deterministic = names.length > 0 && names.every((name) => DETERMINISTIC.has(name));
  if (path.startsWith('pipeline/clock/') || deterministic) return [];
  return ['takes randomness from node:crypto instead of the Clock'];
}

// --- Time, randomness, exit ------------------------------------------------------------------------------------------

const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\s*\.\s*now\b/, 'Date.now'],
  [/\bnew\s+Date\b(?!\s*\(\s*[^\s)])/, 'new Date()'],
  [/(?<![\w.$]|\bnew\s+)Date\s*\(/, 'Date()'],
  [/(?<![\w.$])performance\s*\./, 'performance'],
  [/(?<![\w.$])set(?:Timeout|Interval|Immediate)\b(?!\s*:)/, 'a timer of Node'],
  [/\bglobalThis\s*\.\s*(?:setTimeout|setInterval|setImmediate|performance|crypto|Date)\b/, 'globalThis'],
  [/\bAbortSignal\s*\.\s*timeout\b/, 'AbortSignal.timeout'],
  [/\bMath\s*\.\s*random\b/, 'Math.random'],
  [/(?<![\w.$])crypto\s*\.\s*(?:random|getRandom|subtle)/, 'crypto'],
  [/\bprocess\s*\.\s*hrtime\b/, 'process.hrtime'],
];
/** Sockets that need no import; those of pipeline/net go through the one client that is chosen there. */
const GLOBAL_CLIENTS =
  /(?<![\w.$#])(?:globalThis\s*\.\s*)?(?:fetch\s*\(|new\s+(?:WebSocket|XMLHttpRequest|EventSource)\b)/;
/** The only files that may end the process. */
const MAY_EXIT = /^(?:pipeline|demo)\/main\.ts$|^(?:bin|test)\//;

function purityBreaches(path: string, code: string): string[] {
  const found: string[] = [];
  if (/\bprocess\s*\.\s*(?:exit|abort|reallyExit)\b(?!Code)/.test(code) && !MAY_EXIT.test(path)) {
    found.push('ends the process; only main.ts may');
  }
  if (GLOBAL_CLIENTS.test(code) && !/^(?:test|bin|demo|examples)\//.test(path)) {
    found.push('uses a global client such as fetch, which goes past pipeline/net');
  }
  if (/^(?:test|bin|examples)\//.test(path) || path.startsWith('pipeline/clock/')) return found;
  for (const [pattern, name] of IMPURE) if (pattern.test(code)) found.push(`uses ${name} instead of the Clock`);
  return found;
}

// --- Reading source --------------------------------------------------------------------------------------------------

/** After one of these a slash begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:[=([{,;:!&|?+\-*%^~<>]|\b(?:return|typeof|case|in|of|delete|void|throw|new))\s*$/;

/**
 * `text` with comments replaced by spaces, and with `strings` also what stands in quotes, template text and regular
 * expressions (code within `${}` stays). Lines and lengths are kept.
 */
export function blank(text: string, strings: boolean): string {
  let out = '';
  let at = 0;
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;

  const keep = (end: number) => {
    out += text.slice(at, end);
    at = end;
  };
  const drop = (end: number) => {
    out += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  /** Keeps the marks at both ends, so that a slash after a text is still seen to be a division. */
  const quote = (end: number) => {
    if (!strings || end - at < 2) return keep(end);
    const last = end - 1;
    keep(at + 1);
    drop(last);
    keep(end);
  };
  const endOf = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at + 1;
  };
  const template = () => {
    const end = endOf(/(?:\\[\s\S]|[^\\`$]|\$(?!\{))*(?:`|\$\{)/y);
    if (text.startsWith('${', end - 2)) templates.push(depth++);
    if (strings) drop(end - 1);
    keep(end);
  };

  while (at < text.length) {
    const character = text[at];
    const two = text.slice(at, at + 2);
    if (two === '//') drop(endOf(/[^\n]*/y));
    else if (two === '/*') drop(endOf(/[\s\S]*?\*\//y));
    else if (character === "'") quote(endOf(/'(?:\\[\s\S]|[^\\'\n])*'?/y));
    else if (character === '"') quote(endOf(/"(?:\\[\s\S]|[^\\"\n])*"?/y));
    else if (character === '/' && (out.trim() === '' || BEFORE_REGEX.test(out.slice(-40)))) {
      quote(endOf(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y));
    } else if (character === '`') {
      keep(at + 1);
      template();
    } else if (character === '{') {
      depth += 1;
      keep(at + 1);
    } else if (character === '}') {
      depth -= 1;
      const resumes = templates.at(-1) === depth;
      keep(at + 1);
      if (resumes) {
        templates.pop();
        template();
      }
    } else keep(at + 1);
  }
  return out;
}
