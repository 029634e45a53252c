/** @module Attacks by what cannot be read (D5, D6) and by odd ids, times and numbers of things (D10). */
import { spansRequest } from '../bench/span-payload.ts';
import type { Attack } from './otlp-victim-attack.ts';
import { field, varint } from './otlp-victim-bodies.ts';
import { DOORS, type Door, SIGNALS } from './otlp-victim-calls.ts';

/** No message of any kind. */
const WRONG: Readonly<Record<string, Uint8Array>> = {
  'a length beyond the end': Buffer.from([0x0a, 0x7f, 0x01]),
  'a length of almost 2^64': Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
  'a varint without end': Buffer.alloc(20, 0xff),
  'a varint of eleven bytes': Buffer.from([0x78, ...Array(10).fill(0x80), 0x01]),
  'groups without end': Buffer.alloc(10_000, 0x0b),
  'a MiB of groups without end': Buffer.alloc(2 ** 20, 0x0b),
  'groups that end as others': Buffer.from([0x0b, 0x14]),
  'an end without a group': Buffer.from([0x0c]),
  'tag 0': Buffer.from([0x00, 0x01]),
  'wire type 6': Buffer.from([0x0e, 0x01]),
  'wire type 7': Buffer.from([0x0f, 0x01]),
  'a cut fixed64': Buffer.from([0x79, 1, 2, 3]),
  text: Buffer.from('hello'),
};

/** Messages within each other, 10,000 deep: values of an attribute in spans, unknown groups in metrics. */
const DEEP_VALUES = nested(10_000, (inner) => field(field(inner, 1), 5), Buffer.alloc(0));
const DEEP_SPAN = [2, 9, 2, 2, 1].reduce<Buffer>(field, DEEP_VALUES);
const DEEP_GROUPS = Buffer.concat([Buffer.alloc(10_000, 0x0b), Buffer.alloc(10_000, 0x0c)]);

function nested(levels: number, wrap: (inner: Buffer) => Buffer, core: Buffer): Buffer {
  let bytes = core;
  for (let i = 0; i < levels; i++) bytes = wrap(bytes);
  return bytes;
}

export const brokenProtobuf: Attack = async (attacker) => {
  for (const door of DOORS) {
    for (const [what, body] of Object.entries(WRONG)) await attacker.send(what, door, body, 'malformed');
    await attacker.send('groups 10,000 deep', door, DEEP_GROUPS, 'malformed');
    if (door.signal === 'traces') await attacker.send('values 10,000 deep', door, DEEP_SPAN, 'malformed');
  }
};

const DEEP = '['.repeat(100_000);
const UNDEEP = ']'.repeat(100_000);

function wrongTexts(key: string): string[] {
  return [
    '',
    '[',
    'nul',
    '[]',
    '7',
    `{"${key}":7}`,
    `{"${key}":[{}]} x`,
    `{"${key}":[{}],}`,
    `{"${key}":[{},]}`,
    `\ufeff{"${key}":[]}`,
    `{"${key}":[]} // over`,
    `/* */{"${key}":[]}`,
    `{'${key}':[]}`,
    `{"a":NaN}`,
    `{"a":01}`,
    `{"a":"\u0001"}`,
    `{"a":"\\x"}`,
    `{"a":${DEEP}`,
    `{"a":${DEEP}${UNDEEP}}`,
    `{"${key}":${DEEP}${UNDEEP}}`,
    `${'{"a":'.repeat(100_000)}`,
  ];
}

export const brokenJson: Attack = async (attacker) => {
  for (const signal of SIGNALS) {
    const door: Door = { protocol: 'http', signal };
    const key = signal === 'traces' ? 'resourceSpans' : 'resourceMetrics';
    for (const text of wrongTexts(key))
      await attacker.send(`JSON ${text.slice(0, 30)}`, door, Buffer.from(text), 'malformed', { json: true });
    const notUtf8 = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]);
    await attacker.send('JSON that is no UTF-8', door, notUtf8, 'malformed', { json: true });
  }
};

/** Places of a sound request that become another byte, as many as time allows; what comes is 200 or 400, never more. */
export const mutations: Attack = async (attacker) => {
  const bodies = { traces: Buffer.from(spansRequest(2)), metrics: metricsBody() };
  for (let n = 0; n < (attacker.scale === 'full' ? 1000 : 100); n++) {
    for (const door of DOORS) {
      const body = Buffer.from(bodies[door.signal]);
      body[(n * 7919) % body.length] = (n * 31) & 0xff;
      const allowed = door.protocol === 'http' ? ['200', '400'] : ['grpc 0', 'grpc 13'];
      await attacker.note(`${door.protocol} ${door.signal} mutation ${n}`, 'no crash', async () => {
        const got = await attacker.caller.send(door, body);
        return allowed.includes(got) ? 'no crash' : got;
      });
    }
  }
};

function metricsBody(): Buffer {
  const point = Buffer.concat([Buffer.from([0x31, 1, 0, 0, 0, 0, 0, 0, 0]), field(field(Buffer.from('key'), 1), 7)]);
  const metric = Buffer.concat([field(Buffer.from('request_total'), 1), field(field(point, 1), 7)]);
  return [2, 2, 1].reduce<Buffer>(field, metric);
}

/** Spans that are odd and sound: passed on. Ids of another length are not sound. */
export const oddSpans: Attack = async (attacker) => {
  const ok = Buffer.alloc(16, 1);
  for (const door of DOORS.filter(({ signal }) => signal === 'traces')) {
    const send = (what: string, span: Uint8Array, verdict: 'taken' | 'malformed') =>
      attacker.send(what, door, [2, 2, 1].reduce<Buffer>(field, Buffer.from(span)), verdict);
    await send('ids of zeros', Buffer.concat([field(Buffer.alloc(16), 1), field(Buffer.alloc(8), 2)]), 'taken');
    await send('no ids', Buffer.alloc(0), 'taken');
    for (const length of [1, 15, 17, 32])
      await send(`a trace id of ${length}`, field(Buffer.alloc(length, 1), 1), 'malformed');
    for (const length of [1, 7, 9, 16])
      await send(`a span id of ${length}`, field(Buffer.alloc(length, 1), 2), 'malformed');
    await send('an end before the start', Buffer.concat([fixed64(7, 2n ** 63n), fixed64(8, 1n)]), 'taken');
    const link = field(Buffer.concat([field(ok, 1), field(ok.subarray(8), 2)]), 13);
    await send('10,000 links', Buffer.concat(Array.from({ length: 10_000 }, () => link)), 'taken');
  }
  const http: Door = { protocol: 'http', signal: 'traces' };
  for (const [what, id, verdict] of JSON_IDS) {
    const text = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":${id}}]}]}]}`;
    await attacker.send(`JSON ${what}`, http, Buffer.from(text), verdict, { json: true });
  }
};

const JSON_IDS = [
  ['id in upper case', '"5B8EFFF798038103D269B633813FC60C"', 'taken'],
  ['id of zeros', `"${'0'.repeat(32)}"`, 'taken'],
  ['id too short', '"5b8efff7"', 'malformed'],
  ['id of an odd length', '"5b8efff798038103d269b633813fc60"', 'malformed'],
  ['id that is no hex', `"${'g'.repeat(32)}"`, 'malformed'],
  ['id that is a number', '7', 'malformed'],
] as const;

function fixed64(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([varint(number * 8 + 1), bytes]);
}
