/**
 * @module Requests of spans as the goals mean them: 12 attributes and one event a span, 6 attributes of the resource,
 * about 480 bytes a span. Ids, times and durations differ from span to span, as in life.
 */
import { FIXED64, MessageBuilder, tagOf } from '../../pipeline/wire/protobuf/message-builder.ts';

const ROUTES = ['/api/cart', '/api/cart/{id}', '/api/checkout', '/api/orders/{order}', '/healthz', '/api/vote'];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];

/** A repeatable stream of numbers below 2³². */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** An ExportTraceServiceRequest of `spans` spans of one resource and scope; another `seed` gives other ids. */
export function spansRequest(spans: number, seed = 1): Uint8Array {
  const next = numbers(seed);
  const scope = new MessageBuilder();
  scope.message(1, new MessageBuilder().text(1, '@opentelemetry/instrumentation-http').text(2, '0.301.0').take());
  for (let i = 0; i < spans; i++) scope.message(2, spanOf(next, i));
  const resourceSpans = new MessageBuilder().message(1, resource()).message(2, scope.take());
  return new MessageBuilder().message(1, resourceSpans.take()).take();
}

function resource(): Uint8Array {
  const builder = new MessageBuilder();
  for (const [key, value] of [
    ['service.name', 'checkout'],
    ['service.namespace', 'shop'],
    ['k8s.pod.name', 'checkout-7d9c6b5f4-x2x9k'],
    ['k8s.node.name', 'node-3'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.version', '2.12.0'],
  ] as const)
    builder.message(1, textAttribute(key, value));
  return builder.take();
}

function spanOf(next: () => number, i: number): Uint8Array {
  const route = ROUTES[next() % ROUTES.length]!;
  const method = METHODS[next() % METHODS.length]!;
  const startNs = 1_790_000_000_000_000_000n + BigInt(i) * 1_000_003n + BigInt(next());
  const endNs = startNs + BigInt(next() % 1_000_000_000);
  const builder = new MessageBuilder();
  builder.message(1, id(next, 16)).message(2, id(next, 8)).message(4, id(next, 8)).text(5, `${method} ${route}`);
  builder.varint(6, 2);
  return Buffer.concat([
    builder.take(),
    fixed64(7, startNs),
    fixed64(8, endNs),
    attributes(next, method, route),
    new MessageBuilder().message(11, event(startNs)).message(15, new Uint8Array()).take(),
  ]);
}

function attributes(next: () => number, method: string, route: string): Uint8Array {
  const builder = new MessageBuilder();
  const texts = [
    ['http.request.method', method],
    ['http.route', route],
    ['url.path', `${route}/${next() % 10_000}`],
    ['url.scheme', 'http'],
    ['server.address', 'checkout.shop'],
    ['client.address', `10.4.${next() % 256}.${next() % 256}`],
    ['user_agent.original', 'curl/8.11'],
    ['network.protocol.version', '1.1'],
    ['peer.service', 'cart'],
  ] as const;
  for (const [key, value] of texts) builder.message(9, textAttribute(key, value));
  builder.message(9, numberAttribute('http.response.status_code', 200));
  builder.message(9, numberAttribute('server.port', 8080));
  builder.message(9, numberAttribute('thread.id', next() % 64));
  return builder.take();
}

function event(startNs: bigint): Uint8Array {
  const content = new MessageBuilder().text(2, 'received').message(3, textAttribute('message.type', 'RECEIVED')).take();
  return Buffer.concat([fixed64(1, startNs + 1000n), content]);
}

function textAttribute(key: string, value: string): Uint8Array {
  return new MessageBuilder().text(1, key).message(2, new MessageBuilder().text(1, value).take()).take();
}

function numberAttribute(key: string, value: number): Uint8Array {
  return new MessageBuilder().text(1, key).message(2, new MessageBuilder().varint(3, value).take()).take();
}

function id(next: () => number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => (next() >>> 16) & 0xff);
}

function fixed64(field: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = tagOf(field, FIXED64);
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}
