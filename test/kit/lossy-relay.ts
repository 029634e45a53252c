/**
 * @module A network between agents and a gateway that are processes of their own: hands on what is sent over HTTP and gRPC,
 * and loses answers and halves of requests as a test says.
 */
import { connect, constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { OtlpBackend, type Reaction, type Received } from './otlp-backend.ts';
import { splitRequest } from './split-request.ts';

/** What becomes of a request: `half arrives` for protobuf over HTTP, elsewhere it is as `answer lost`. */
export type RelayedFate = 'arrives' | 'answer lost' | 'half arrives';

/** The header by which a request tells which agent it is of. */
export const AGENT_HEADER = 'x-agent';

export interface GatewayPorts {
  readonly http: number;
  readonly grpc: number;
}

interface GrpcReply {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Null where the headers were all. */
  readonly trailers: IncomingHttpHeaders | null;
}

export class LossyRelay {
  /** Asked for each request of an agent. */
  fateOf: (agent: number) => RelayedFate = () => 'arrives';
  /** Answers of the gateway, successes, that their agent did not hear of, by agent. */
  readonly swallowed = new Map<number, number>();
  /** Requests that the gateway has answered with a success, by agent. */
  readonly taken = new Map<number, number>();
  readonly httpUrl: string;
  /** `host:port`. */
  readonly grpcEndpoint: string;
  readonly #to: GatewayPorts;

  private constructor(to: GatewayPorts, httpUrl: string, grpcPort: number) {
    this.#to = to;
    this.httpUrl = httpUrl;
    this.grpcEndpoint = `127.0.0.1:${grpcPort}`;
  }

  /** Listens until the test ends. */
  static async start(t: ExecutionContext, to: GatewayPorts): Promise<LossyRelay> {
    const http = await OtlpBackend.start(t);
    let relay: LossyRelay | null = null;
    const server = createServer();
    server.on('stream', (stream, headers) => void relay?.overGrpc(stream as ServerHttp2Stream, headers));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    relay = new LossyRelay(to, http.url, (server.address() as AddressInfo).port);
    http.react = (request) => relay.overHttp(request);
    return relay;
  }

  async overHttp({ headers, wire, body, path }: Received): Promise<Reaction> {
    const agent = Number(headers[AGENT_HEADER]);
    const fate = this.fateOf(agent);
    const isHalf = fate === 'half arrives' && headers['content-type'] === 'application/x-protobuf';
    const encoding = headers['content-encoding'];
    const isPacked = !isHalf && encoding !== undefined;
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#to.http}${path}`, {
        method: 'POST',
        headers: {
          'content-type': headers['content-type'] ?? '',
          ...(isPacked ? { 'content-encoding': encoding } : {}),
        },
        body: new Uint8Array(isHalf ? splitRequest(body)[0] : wire),
      });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (this.#isLost(agent, fate, answer.status === 200)) return 'drop';
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: bytes };
    } catch {
      return 'drop';
    }
  }

  async overGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => {});
    const agent = Number(headers[AGENT_HEADER]);
    const fate = this.fateOf(agent);
    const reply = await forward(this.#to.grpc, headers, await bytesOf(stream)).catch(() => null);
    if (stream.destroyed) return;
    if (reply === null) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else if (this.#isLost(agent, fate, (reply.trailers ?? reply.headers)['grpc-status'] === '0'))
      stream.close(constants.NGHTTP2_CANCEL);
    else answerWith(stream, reply);
  }

  #isLost(agent: number, fate: RelayedFate, isSuccess: boolean): boolean {
    if (isSuccess) count(this.taken, agent);
    if (fate === 'arrives') return false;
    if (isSuccess) count(this.swallowed, agent);
    return true;
  }
}

function count(counts: Map<number, number>, agent: number): void {
  counts.set(agent, (counts.get(agent) ?? 0) + 1);
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** One call over a connection of its own; rejects when there is no answer. */
async function forward(port: number, headers: IncomingHttpHeaders, body: Buffer): Promise<GrpcReply> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    return await new Promise<GrpcReply>((resolve, reject) => {
      session.on('error', reject);
      const request = session.request({ ...headers, ':authority': `127.0.0.1:${port}` });
      let reply: Omit<GrpcReply, 'body'> | null = null;
      request.on('response', (answered) => {
        reply = { headers: answered, trailers: null };
      });
      request.on('trailers', (trailers) => {
        reply = { headers: reply?.headers ?? {}, trailers };
      });
      request.on('error', reject);
      bytesOf(request).then(
        (bytes) => (reply === null ? reject(new Error('no answer')) : resolve({ ...reply, body: bytes })),
        reject,
      );
      request.end(body);
    });
  } finally {
    session.destroy();
  }
}

function answerWith(stream: ServerHttp2Stream, { headers, body, trailers }: GrpcReply): void {
  if (trailers === null) {
    stream.respond(headers, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}
