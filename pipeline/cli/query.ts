/** @module What `weir edges`, `weir targets`, `weir explain` and `weir drops` share: asking a running Weir, once or again and again. */
import { codeOf, errorText, WeirError } from '../errors.ts';
import { readTextFile } from '../net/files.ts';
import { httpGet } from '../net/http-get.ts';
import { printableShort } from '../wire/printable.ts';
import { type CliContext, EXIT, UsageError } from './context.ts';
import { durationMs } from './flags.ts';
import { type ColorChoice, terminalText } from './text.ts';

/** Where a question is put to a Weir. */
export interface Listener {
  /** Unless `--url` or the variable says otherwise. */
  readonly url: string;
  /** Environment variable that sets it. */
  readonly variable: string;
  /** What an answer means there that is none of a Weir, such as a 404. */
  readonly unknown: string;
  /** Why a Weir that runs may not listen there, and what to do; absent where it always does. */
  readonly closed?: string;
}

const SMI_LISTENER: Listener = {
  url: 'http://127.0.0.1:8080',
  variable: 'WEIR_URL',
  unknown: 'is there a Weir with the smi exporter?',
};

export interface QueryOptions {
  readonly url?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output: 'table' | 'json';
  /** true: every 2 s; a text: that often. */
  readonly watch?: boolean | string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly headers: boolean;
  readonly color: ColorChoice;
  readonly timeout: string;
}

/** Longest answer read: some hundred thousand edges. */
const MAX_BYTES = 256 * 2 ** 20;
const CLEAR = '\u001b[H\u001b[J';

/** What is printed, and whether it is what was asked for: `found` false ends with 1. */
export interface Rendered {
  readonly text: string;
  readonly found: boolean;
}

/** `askAlso` asks another path of the same Weir; null when that gave nothing. */
export type Render = (answer: unknown, askAlso: (path: string) => Promise<unknown>) => Rendered | Promise<Rendered>;

type Ask = (path: string) => Promise<unknown>;

/** How a question differs from the usual ones. */
export interface Asking {
  /** Default: that of the SMI API. */
  readonly listener?: Listener;
  /** What of the answer is wanted, in whatever form. Default: all. */
  readonly select?: (answer: unknown) => unknown;
}

interface Question extends Required<Asking> {
  readonly ask: Ask;
  readonly path: string;
  readonly render: Render;
}

/** Asks `path` and prints what `render` makes of it; with `watch` until a signal comes. Resolves with the exit code. */
export async function query(
  path: string,
  options: QueryOptions,
  context: CliContext,
  render: Render,
  { listener = SMI_LISTENER, select = (answer) => answer }: Asking = {},
): Promise<number> {
  const question = { ask: await prepare(options, context, listener), path, render, listener, select };
  if (options.watch === undefined || options.watch === false) return once(question, options, context, '');
  const intervalMs = durationMs('--watch', options.watch === true ? '2s' : options.watch.replace(/^=/, ''));
  const stop = untilSignal(context);
  const clears = context.isTty && options.output === 'table';
  for (let code: number = EXIT.ok; ; ) {
    code = await once(question, options, context, clears ? CLEAR : '');
    if (await stop.within(intervalMs)) return code;
  }
}

/** One question and its print; failures are told, not thrown. */
async function once(
  { ask, path, render, listener, select }: Question,
  options: QueryOptions,
  context: CliContext,
  before: string,
): Promise<number> {
  try {
    const answer = select(await ask(path));
    const indent = options.watch === undefined ? 2 : undefined;
    const rendered =
      options.output === 'json'
        ? { text: `${JSON.stringify(answer, null, indent)}\n`, found: true }
        : await render(answer, (other) => ask(other).catch(() => null));
    context.out(before + rendered.text);
    return rendered.found ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const hint = error.code === 'WEIR_NET_NOT_CONNECTED' ? connectionHint(error, listener) : '';
    context.err(`weir: ${terminalText(errorText(error))}\n${hint}`);
    return EXIT.failed;
  }
}

/** What usually helps against a connection that did not come about. */
function connectionHint(error: WeirError, { variable, closed }: Listener): string {
  const code = codeOf(error.cause);
  if (CERTIFICATE.test(code)) return '   mend: trust who signed its certificate: --ca-file FILE (PEM)\n';
  const isHttps = error.message.startsWith('GET https:');
  if (code === 'ECONNRESET' && !isHttps) return '   mend: does it speak https? use --url https://HOST:PORT\n';
  if (code === 'EPROTO' && isHttps) return '   mend: does it speak http? use --url http://HOST:PORT\n';
  const others = closed === undefined ? '' : `   ${closed}\n`;
  return `   mend: start one (weir run -c config.yaml), or say where it is (--url, ${variable})\n${others}`;
}

const CERTIFICATE = /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_UNTRUSTED)/;

async function prepare(options: QueryOptions, context: CliContext, listener: Listener): Promise<Ask> {
  const base = options.url ?? context.env[listener.variable] ?? listener.url;
  targetUrl('', base);
  const timeoutMs = durationMs('--timeout', options.timeout);
  const token = options.tokenFile === undefined ? '' : (await readText('--token-file', options.tokenFile)).trim();
  const ca = options.caFile === undefined ? {} : { ca: await readText('--ca-file', options.caFile) };
  const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  return async (path) => {
    const url = targetUrl(path, base);
    const answer = await httpGet(url, { clock: context.clock, headers, timeoutMs, maxBytes: MAX_BYTES, ...ca });
    return parseAnswer(url, answer.status, answer.body, { hasToken: token !== '', listener });
  };
}

function targetUrl(path: string, base: string): URL {
  if (!URL.canParse(base) || !/^https?:/.test(base)) {
    throw new UsageError(`--url ${base}: expected http://HOST:PORT or https://HOST:PORT`);
  }
  const url = new URL(base);
  const [place = '', search = ''] = path.split('?', 2);
  url.pathname = url.pathname.replace(/\/$/, '') + place;
  url.search = search;
  return url;
}

/** Longest token or list of authorities. */
const MAX_FILE_BYTES = 2 ** 20;

async function readText(flag: string, file: string): Promise<string> {
  const content = await readTextFile(file, MAX_FILE_BYTES);
  if (content.error !== null)
    throw new WeirError(
      'WEIR_FILE_UNREADABLE',
      `${flag} ${file}: ${/^ENOENT/.test(content.error) ? 'there is no such file' : content.error}`,
    );
  return content.text;
}

const STATUS_HINTS = new Map<number, string>([
  [401, 'a token is asked for: give --token-file'],
  [403, 'the token is not accepted for this'],
]);

/** 503 with a JSON body is an answer as well: that numbers will come. */
function parseAnswer(
  url: URL,
  status: number,
  body: string,
  { hasToken, listener }: { readonly hasToken: boolean; readonly listener: Listener },
): unknown {
  const parsed = parseJson(body);
  if (status === 200 && parsed !== undefined) return parsed;
  if (status === 503 && isRecord(parsed) && parsed.ready === false) return parsed;
  const place = `GET ${url.protocol}//${url.host}${url.pathname}`;
  if (status === 200) throw new WeirError('WEIR_NET_BAD_ANSWER', `${place}: the answer is no JSON; is this a Weir?`);
  const told = status === 404 ? weirMessage(parsed) : status === 403 ? plainMessage(parsed) : null;
  if (told !== null) throw new WeirError('WEIR_NET_STATUS', told);
  const refused = status === 401 && hasToken ? 'the token was refused' : undefined;
  const unknown = status === 404 ? listener.unknown : undefined;
  const said = printableShort(messageOf(parsed) ?? body.trim());
  // A client's fault that this one never has: whoever told of it takes other questions.
  const elsewhere = status === 400 ? `${said === '' ? '' : `${said}; `}${listener.unknown}` : undefined;
  const hint = refused ?? unknown ?? STATUS_HINTS.get(status) ?? elsewhere ?? said;
  throw new WeirError('WEIR_NET_STATUS', `${place}: status ${status}${hint === '' ? '' : `: ${hint}`}`);
}

/** What a Weir says of something it does not know; null when somebody else answered. */
function weirMessage(parsed: unknown): string | null {
  return isRecord(parsed) && parsed.kind === 'Status' && parsed.reason === 'NotFound' ? messageOf(parsed) : null;
}

/** What a Weir says in its plain JSON; null when somebody else answered. */
function plainMessage(parsed: unknown): string | null {
  return isRecord(parsed) && parsed.apiVersion === 'weir/v1' ? messageOf(parsed) : null;
}

function messageOf(parsed: unknown): string | null {
  return isRecord(parsed) && typeof parsed.message === 'string' ? parsed.message : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The list of an answer: itself, or what stands under one of the names. */
export function rowsOf(answer: unknown, name: string): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  const list = isRecord(answer) ? (answer[name] ?? answer.items) : undefined;
  return Array.isArray(list) ? list : [];
}

/** `first numbers in 12s` before the first slot closed; null after it. */
export function notReadyText(answer: unknown): string | null {
  if (!isRecord(answer) || answer.ready !== false) return null;
  const seconds = answer.firstNumbersInSeconds;
  return typeof seconds === 'number' ? `first numbers in ${Math.max(1, Math.ceil(seconds))}s\n` : 'no numbers yet\n';
}

/** `within` resolves true at once when a signal has come or comes in that time, false when the time is over. */
function untilSignal(context: CliContext): { within(ms: number): Promise<boolean> } {
  let stopped = false;
  let wake: (() => void) | null = null;
  const release = context.onSignal(() => {
    stopped = true;
    wake?.();
    release();
  });
  return {
    within: (ms) =>
      new Promise((resolve) => {
        if (stopped) return resolve(true);
        const timer = context.clock.after(ms, () => resolve(stopped));
        wake = () => {
          timer.cancel();
          resolve(true);
        };
      }),
  };
}
