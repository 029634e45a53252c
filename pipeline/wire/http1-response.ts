/**
 * @module Answers of HTTP/1.1 servers read from bytes split anywhere: status, headers, and the body as views into them.
 *
 * Source: RFC 9112, §4 (status line), §5 (fields), §6 (body length), §7 (chunked). Strict where leniency is a known
 * danger: two framing headers, bare line feeds, folded lines and odd lengths are errors.
 */

export interface ResponseEvents {
  /** Names in lower case; several fields of one name are joined with a comma. */
  onHeaders(status: number, headers: ReadonlyMap<string, string>): void;
  /** A view into the bytes fed, valid during the call only. */
  onPiece(piece: Uint8Array): void;
  /** The answer is whole. `reusable` is true when the connection may carry another request. */
  onEnd(reusable: boolean): void;
}

/** Bytes of status line and fields together, as in Node's own client. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Bytes of a chunk's size line with its extensions, and of one trailer line. */
const MAX_LINE_BYTES = 1024;
const CR = 0x0d;
const LF = 0x0a;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** One character class each: a pattern with two runs of blanks takes the cube of their length to refuse a line. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

type State = 'head' | 'length' | 'until-close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'done';

/** Reads one answer to a GET. */
export class Http1Response {
  readonly #events: ResponseEvents;
  #state: State = 'head';
  /** Text of a line that has not ended yet. */
  #text = '';
  /** Lines of the head so far. */
  readonly #head: string[] = [];
  #headBytes = 0;
  /** Bytes of the body or chunk still to come. */
  #left = 0;
  #reusable = false;
  /** What is wrong with the answer, '' while nothing is; after that nothing more is read. */
  error = '';

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Takes the next bytes; returns how many of them belong to this answer. Less than all after its end or an error. */
  feed(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done' && this.error === '') at = this.#step(bytes, at);
    return at;
  }

  /** The connection ended: true when that is how the answer ends. */
  close(): boolean {
    if (this.#state !== 'until-close' || this.error !== '') return false;
    this.#finish(false);
    return true;
  }

  #step(bytes: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'length':
      case 'chunk-data':
      case 'until-close':
        return this.#body(bytes, at);
      case 'head':
        return this.#line(bytes, at, MAX_HEAD_BYTES, (line) => this.#headLine(line));
      case 'chunk-size':
        return this.#line(bytes, at, MAX_LINE_BYTES, (line) => this.#chunkSize(line));
      case 'chunk-end':
        return this.#line(bytes, at, MAX_LINE_BYTES, (line) => this.#chunkEnd(line));
      default:
        return this.#line(bytes, at, MAX_LINE_BYTES, (line) => this.#trailer(line));
    }
  }

  #body(bytes: Uint8Array, at: number): number {
    const end = this.#state === 'until-close' ? bytes.length : Math.min(bytes.length, at + this.#left);
    const endsHere = end - at === this.#left && this.#state !== 'until-close';
    this.#left -= end - at;
    this.#events.onPiece(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (endsHere) {
      if (this.#state === 'chunk-data') this.#state = 'chunk-end';
      else this.#finish(this.#reusable);
    }
    return end;
  }

  /** Collects one line up to CR LF and hands it on without them. */
  #line(bytes: Uint8Array, at: number, maxBytes: number, take: (line: string) => void): number {
    const feed = bytes.indexOf(LF, at);
    const end = feed === -1 ? bytes.length : feed + 1;
    if (this.#text.length + end - at > maxBytes) {
      this.error = `a line or head longer than ${maxBytes} bytes`;
      return at;
    }
    for (let i = at; i < end; i++) this.#text += String.fromCharCode(bytes[i]!);
    if (feed === -1) return end;
    const line = this.#text;
    this.#text = '';
    if (line.charCodeAt(line.length - 2) === CR) take(line.slice(0, -2));
    else this.error = 'a line that ends without CR';
    return end;
  }

  #headLine(line: string): void {
    this.#headBytes += line.length + 2;
    if (this.#head.length === 0 && !STATUS_LINE.test(line)) this.error = 'it does not begin with an HTTP/1.1 status';
    else if (this.#headBytes > MAX_HEAD_BYTES) this.error = `a head longer than ${MAX_HEAD_BYTES} bytes`;
    else if (line !== '') this.#head.push(line);
    else this.#takeHead();
  }

  #takeHead(): void {
    const [statusLine = '', ...fields] = this.#head.splice(0);
    this.#headBytes = 0;
    const [, minor, code] = STATUS_LINE.exec(statusLine)!;
    const status = Number(code);
    const headers = parseFields(fields);
    if (headers === null) this.error = 'a malformed header field';
    else if (status === 101) this.error = 'a switch of protocols nobody asked for';
    // Other informational answers come before the real one.
    else if (status >= 200) this.#begin(status, minor === '1', headers);
  }

  #begin(status: number, isHttp11: boolean, headers: ReadonlyMap<string, string>): void {
    this.error = this.#frame(status, isHttp11, headers);
    if (this.error !== '') return;
    const isBodyless = this.#state === 'length' && this.#left === 0;
    this.#events.onHeaders(status, headers);
    if (isBodyless) this.#finish(this.#reusable);
  }

  /** Decides how the body ends; returns what is wrong, '' when nothing. */
  #frame(status: number, isHttp11: boolean, headers: ReadonlyMap<string, string>): string {
    const connection = (headers.get('connection') ?? '').toLowerCase().split(',').map(withoutBlanks);
    this.#reusable = isHttp11 ? !connection.includes('close') : connection.includes('keep-alive');
    const coding = headers.get('transfer-encoding');
    const length = headers.get('content-length');
    this.#left = 0;
    this.#state = 'length';
    if (status === 204 || status === 304) return '';
    if (coding !== undefined) {
      if (length !== undefined) return 'both Transfer-Encoding and Content-Length';
      if (coding.toLowerCase() !== 'chunked') return 'a Transfer-Encoding other than chunked';
      this.#state = 'chunk-size';
    } else if (length === undefined) this.#state = 'until-close';
    else if (!/^\d{1,15}$/.test(length)) return 'a malformed Content-Length';
    else this.#left = Number(length);
    return '';
  }

  #chunkSize(line: string): void {
    const match = CHUNK_SIZE.exec(line);
    if (match === null) {
      this.error = 'a malformed chunk size';
      return;
    }
    this.#left = Number.parseInt(match[1]!, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data';
  }

  #chunkEnd(line: string): void {
    if (line === '') this.#state = 'chunk-size';
    else this.error = 'a chunk longer than its size';
  }

  #trailer(line: string): void {
    if (line === '') this.#finish(this.#reusable);
  }

  #finish(reusable: boolean): void {
    this.#state = 'done';
    this.#events.onEnd(reusable);
  }
}

function parseFields(lines: readonly string[]): Map<string, string> | null {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(line.slice(colon + 1))) return null;
    const value = withoutBlanks(line.slice(colon + 1));
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** The text without spaces and tabs around it. O(length), whatever it holds. */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
