/**
 * @module The HTTP client for plain TCP: a GET whose body is read into one buffer that all connections share.
 *
 * A stock client makes a fresh buffer per read, which costs five times the CPU of the rest of the transport (10.8 MB
 * over loopback: 10.6 ms against 2.4 ms). TLS goes through `http-client.ts`.
 */
import { connect, type Socket } from 'node:net';
import { Http1Response } from '../wire/http1-response.ts';
import type { HttpClient, HttpFailure, ResponseHandler, RunningRequest } from './http-client.ts';
import { socketErrorText } from './socket-error.ts';

/** One for the process: a read is consumed before the next one starts. */
const RECEIVE_BYTES = 256 * 1024;
const receiveBuffer = new Uint8Array(RECEIVE_BYTES);

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^\/[\x21-\x7e]*$/;

/** A client for `origin`, which is `http://host:port`; nothing is connected yet. */
export function createPlainHttpClient(origin: string): HttpClient {
  const { hostname, port, host } = new URL(origin);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) };
  return new PlainHttpClient(address, host);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

class PlainHttpClient implements HttpClient {
  readonly #address: Address;
  readonly #hostField: string;
  #idle: Connection | null = null;
  #busy: Connection | null = null;

  constructor(address: Address, hostField: string) {
    this.#address = address;
    this.#hostField = hostField;
  }

  get(path: string, headers: readonly string[], handler: ResponseHandler): RunningRequest {
    const text = requestText(path, this.#hostField, headers);
    if (text === null) {
      handler.onFailure({ kind: 'protocol', text: 'the path or a header has characters that HTTP does not allow' });
      return { abort() {}, resume() {} };
    }
    const request = new Request(handler);
    this.#send(text, request, this.#idle);
    return request;
  }

  close(): void {
    this.#idle?.destroy();
    this.#busy?.destroy();
    this.#idle = null;
    this.#busy = null;
  }

  /** `kept` may have been closed by the peer meanwhile: then the request is sent once more on a new connection. */
  #send(text: string, request: Request, kept: Connection | null): void {
    const connection = kept ?? new Connection(this.#address, (idle) => this.#release(idle));
    this.#idle = null;
    this.#busy = connection;
    request.connection = connection;
    connection.send(text, request, (failure) => {
      if (kept !== null && failure.kind === 'lost') this.#send(text, request, null);
      else request.fail(failure);
    });
  }

  /** A connection is free again, or closed. */
  #release(connection: Connection): void {
    if (this.#busy === connection) this.#busy = null;
    if (this.#idle === connection) this.#idle = null;
    if (connection.isOpen) this.#idle = connection;
  }
}

/** One GET, possibly over two connections one after the other. */
class Request implements RunningRequest {
  readonly handler: ResponseHandler;
  connection: Connection | null = null;
  over = false;

  constructor(handler: ResponseHandler) {
    this.handler = handler;
  }

  abort(): void {
    if (this.over) return;
    this.over = true;
    this.connection?.destroy();
  }

  resume(): void {
    if (!this.over) this.connection?.resume();
  }

  fail(failure: HttpFailure): void {
    if (this.over) return;
    this.over = true;
    this.handler.onFailure(failure);
  }
}

/** One TCP connection and the answer being read from it. */
class Connection {
  readonly #socket: Socket;
  readonly #onFree: (connection: Connection) => void;
  #response: Http1Response | null = null;
  #fail: (failure: HttpFailure) => void = () => {};
  #connected = false;
  #headersSeen = false;
  #paused = false;
  isOpen = true;

  constructor(address: Address, onFree: (connection: Connection) => void) {
    this.#onFree = onFree;
    const onread = { buffer: receiveBuffer, callback: (bytes: number) => this.#read(bytes) };
    this.#socket = connect({ ...address, noDelay: true, onread });
    this.#socket.once('connect', () => {
      this.#connected = true;
    });
    this.#socket.on('end', () => this.#ended('the other side closed it'));
    this.#socket.on('error', (error) => this.#ended(socketErrorText(error), true));
    this.#socket.on('close', () => this.#ended('it was closed', true));
  }

  send(text: string, request: Request, fail: (failure: HttpFailure) => void): void {
    this.#fail = fail;
    this.#headersSeen = false;
    this.#response = new Http1Response({
      onHeaders: (status, headers) => {
        this.#headersSeen = true;
        if (!request.over) request.handler.onHeaders(status, headers);
      },
      onPiece: (piece) => {
        if (!request.over && !request.handler.onPiece(piece)) this.#paused = true;
      },
      onEnd: (reusable) => this.#finish(request, reusable),
    });
    this.#socket.write(text, 'latin1');
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  destroy(): void {
    this.isOpen = false;
    this.#response = null;
    this.#socket.destroy();
    this.#onFree(this);
  }

  /** Returns false to stop reading until `resume`. */
  #read(bytes: number): boolean {
    const response = this.#response;
    // Words nobody asked for: the connection cannot be trusted with another request.
    if (response === null) {
      this.destroy();
      return true;
    }
    const taken = response.feed(receiveBuffer.subarray(0, bytes));
    if (response.error !== '')
      this.#break({ kind: 'protocol', text: `not a sound HTTP/1.1 answer: ${response.error}` });
    else if (response.isDone && taken < bytes) this.destroy();
    return !this.#paused;
  }

  #finish(request: Request, reusable: boolean): void {
    this.#response = null;
    // The last piece may have asked for a pause that nobody will end.
    this.#paused = false;
    if (reusable) this.#onFree(this);
    else this.destroy();
    if (request.over) return;
    request.over = true;
    request.handler.onEnd();
  }

  /** `broken`: by an error rather than an orderly end, so that even a body without a length is cut. */
  #ended(text: string, broken = false): void {
    if (!this.isOpen) return;
    const response = this.#response;
    if (response === null) this.destroy();
    else if (broken || !response.close()) this.#break({ kind: this.#kindOfEnd(), text });
  }

  #kindOfEnd(): HttpFailure['kind'] {
    if (!this.#connected) return 'connect';
    return this.#headersSeen ? 'cut' : 'lost';
  }

  #break(failure: HttpFailure): void {
    const fail = this.#fail;
    this.destroy();
    fail(failure);
  }
}

/** Null when something in it would break the request's frame. */
function requestText(path: string, host: string, headers: readonly string[]): string | null {
  if (!PATH.test(path) || !headers.every((text) => FIELD_VALUE.test(text))) return null;
  let text = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n`;
}
