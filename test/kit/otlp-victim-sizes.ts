/** @module Attacks by size (D4, T5): bodies at the limit of bytes made of the smallest things of each level, and lengths beyond. */
import type { Attack, Attacker, Verdict } from './otlp-victim-attack.ts';
import { JSON_LEVELS, LEVELS, longJsonText, minimalBody, minimalJson } from './otlp-victim-bodies.ts';
import { DOORS, type Door, grpcFrame, PATHS, rawExchange, SIGNALS, type Signal } from './otlp-victim-calls.ts';

const MIB = 2 ** 20;
/** Defaults of `max_request_body_size` and `max_recv_msg_size_mib`. */
const LIMITS = { http: 20 * MIB, grpc: 4 * MIB };

/**
 * Levels of which there may be as many as fit into the bytes: they are part of an item, or nothing at all. All others are
 * items, or hold them, and are limited in number.
 */
const UNLIMITED: ReadonlyMap<string, Verdict> = new Map<string, Verdict>(
  [
    'attributes',
    'values of an attribute',
    'events',
    'links',
    'attributes of a resource',
    'attributes of a point',
    'exemplars',
    'buckets',
    'unknown fields of the request',
    'unknown fields of a resource',
    'unknown fields of a metric',
    'unknown fields of a point',
    'unknown items',
    'unknown numbers',
    'unknown keys',
    'one text',
  ].map((level) => [level, 'taken']),
);

/** Levels that are tried up to the limit in tests, too. */
const WHOLE: ReadonlySet<string> = new Set(['attributes', 'attributes of a point', 'one text']);

function verdictOf(level: string): Verdict {
  return UNLIMITED.get(level) ?? 'too many';
}

/** As protobuf, through both doors of a signal. */
export function minimalProtobuf(signal: Signal): Attack {
  return async (attacker) => {
    for (const door of DOORS.filter((one) => one.signal === signal)) {
      for (const level of Object.keys(LEVELS[signal])) {
        const body = minimalBody(signal, level, sizeOf(attacker, door, level) - 64);
        await attacker.send(`${level}, ${body.length} bytes`, door, body, verdictOf(level));
      }
    }
  };
}

export function minimalJsonBodies(signal: Signal): Attack {
  const door: Door = { protocol: 'http', signal };
  return async (attacker) => {
    for (const level of Object.keys(JSON_LEVELS[signal])) {
      const body = minimalJson(signal, level, sizeOf(attacker, door, level));
      const verdict = isTooMuchInProtobuf(attacker, level) ? 'too large' : verdictOf(level);
      await attacker.send(`JSON, ${level}, ${body.length} bytes`, door, body, verdict, { json: true });
    }
    const text = longJsonText(signal, LIMITS.http);
    await attacker.send('JSON, one text up to the limit', door, text, 'taken', { json: true });
  };
}

/** A bucket is two bytes of JSON and eight of protobuf: 80 MiB of them have no room beside the JSON. */
function isTooMuchInProtobuf({ scale }: Attacker, level: string): boolean {
  return scale === 'full' && level === 'buckets';
}

/** A test has time for whole bodies of some levels over HTTP only; of the others they are as long as over gRPC. */
function sizeOf({ scale }: Attacker, { protocol }: Door, level: string): number {
  const whole = scale === 'full' || verdictOf(level) === 'too many' || WHOLE.has(level);
  return LIMITS[whole ? protocol : 'grpc'];
}

/** Lengths that are declared and never come are refused before anything is read. */
export const beyondTheLimit: Attack = async (attacker) => {
  const over = [
    ...SIGNALS.flatMap((signal) =>
      [LIMITS.http + 1, 2 ** 34, Number.MAX_SAFE_INTEGER].map((length) => longBody(attacker, signal, length)),
    ),
    ...SIGNALS.flatMap((signal) =>
      [LIMITS.grpc + 1, 2 ** 31, 2 ** 32 - 1].map((length) => longMessage(attacker, signal, length)),
    ),
  ];
  await Promise.all(over);
};

function longBody(attacker: Attacker, signal: Signal, length: number): Promise<void> {
  const head = `POST ${PATHS[signal]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n`;
  return attacker.note(
    `http ${signal} a declared length of ${length}`,
    'HTTP/1.1 413',
    async () => {
      const answer = await rawExchange(attacker.ports.httpPort, `${head}Content-Length: ${length}\r\n\r\n`);
      return answer.slice(0, 12);
    },
    `http ${signal} too_large`,
  );
}

function longMessage(attacker: Attacker, signal: Signal, length: number): Promise<void> {
  const frame = grpcFrame(Buffer.alloc(10), false, length);
  return attacker.note(
    `grpc ${signal} a declared length of ${length}`,
    'grpc 8',
    () => attacker.caller.call(signal, Buffer.alloc(0), { frame }),
    `grpc ${signal} too_large`,
  );
}
