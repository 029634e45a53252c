/** @module Single spans read out of their request, for those who show or judge them. */
import { Buffer } from 'node:buffer';
import type { Spans } from '../../model/spans.ts';
import { SoundFields } from './sound-fields.ts';

/** What a span says of itself; the caller owns it. Texts and ids are the sender's: '' where it said nothing. */
export interface SpanView {
  /** 32 hexadecimal digits in lower case. */
  traceId: string;
  /** 16 digits. */
  spanId: string;
  /** 16 digits, '' for a root. */
  parentSpanId: string;
  name: string;
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer; others are possible. */
  kind: number;
  startUnixNano: bigint;
  endUnixNano: bigint;
  /** 0 unset, 1 ok, 2 error; others are possible. */
  statusCode: number;
  statusMessage: string;
  /** `service.name` of its resource. */
  serviceName: string;
}

const TRACE_ID = 1 * 8 + 2;
const SPAN_ID = 2 * 8 + 2;
const PARENT_SPAN_ID = 4 * 8 + 2;
const NAME = 5 * 8 + 2;
const KIND = 6 * 8;
const START_TIME = 7 * 8 + 1;
const END_TIME = 8 * 8 + 1;
const ATTRIBUTES = 9 * 8 + 2;
const STATUS = 15 * 8 + 2;
const STATUS_MESSAGE = 2 * 8 + 2;
const STATUS_CODE = 3 * 8;
const RESOURCE = 1 * 8 + 2;
const RESOURCE_ATTRIBUTES = 1 * 8 + 2;
const KEY = 1 * 8 + 2;
const VALUE = 2 * 8 + 2;
const STRING_VALUE = 1 * 8 + 2;

/** The span at `index`, from 0 to below `count`. O(its bytes and those of its resource). */
export function spanAt(spans: Spans, index: number): SpanView {
  const view = emptyView();
  const fields = new SoundFields(spans.bytes).visit(spans.layout.spanFrom[index]!, spans.layout.spanTo[index]!);
  while (fields.next()) readField(view, fields);
  view.serviceName = resourceText(spans, resourceOf(spans, index), 'service.name') ?? '';
  return view;
}

/** The resource of the span at `index`. */
export function resourceOf({ layout }: Spans, index: number): number {
  return layout.scopeResource[layout.spanScope[index]!]!;
}

/** The text of attribute `key` of the span at `index`; null when it has none, or one that is no text. */
export function spanText({ bytes, layout }: Spans, index: number, key: string): string | null {
  return attributeText(bytes, layout.spanFrom[index]!, layout.spanTo[index]!, ATTRIBUTES, key);
}

/** The text of attribute `key` of the resource at `index`; null when it has none, or one that is no text. */
export function resourceText({ bytes, layout }: Spans, index: number, key: string): string | null {
  const fields = new SoundFields(bytes).visit(layout.resourceFrom[index]!, layout.resourceTo[index]!);
  while (fields.next()) {
    if (fields.tag !== RESOURCE) continue;
    const text = attributeText(bytes, fields.from, fields.to, RESOURCE_ATTRIBUTES, key);
    if (text !== null) return text;
  }
  return null;
}

function emptyView(): SpanView {
  const texts = { traceId: '', spanId: '', parentSpanId: '', name: '', statusMessage: '', serviceName: '' };
  return { ...texts, kind: 0, startUnixNano: 0n, endUnixNano: 0n, statusCode: 0 };
}

function readField(view: SpanView, fields: SoundFields): void {
  const { tag } = fields;
  if (tag === TRACE_ID) view.traceId = hexOf(fields);
  else if (tag === SPAN_ID) view.spanId = hexOf(fields);
  else if (tag === PARENT_SPAN_ID) view.parentSpanId = hexOf(fields);
  else if (tag === NAME) view.name = textOf(fields);
  else if (tag === KIND) view.kind = fields.low | 0;
  else if (tag === START_TIME) view.startUnixNano = unsigned64Of(fields);
  else if (tag === END_TIME) view.endUnixNano = unsigned64Of(fields);
  else if (tag === STATUS) readStatus(view, fields);
}

/** Of a status that comes in parts the later fields count. */
function readStatus(view: SpanView, { bytes, from, to }: SoundFields): void {
  const fields = new SoundFields(bytes).visit(from, to);
  while (fields.next()) {
    if (fields.tag === STATUS_CODE) view.statusCode = fields.low | 0;
    else if (fields.tag === STATUS_MESSAGE) view.statusMessage = textOf(fields);
  }
}

/** The first attribute of `key` in the message at [from, to), whose attributes have `tag`. */
function attributeText(bytes: Uint8Array, from: number, to: number, tag: number, key: string): string | null {
  const fields = new SoundFields(bytes).visit(from, to);
  while (fields.next()) {
    if (fields.tag !== tag) continue;
    const { text, isKey } = textAttribute(bytes, fields.from, fields.to, key);
    if (isKey) return text;
  }
  return null;
}

function textAttribute(
  bytes: Uint8Array,
  from: number,
  to: number,
  key: string,
): { isKey: boolean; text: string | null } {
  const fields = new SoundFields(bytes).visit(from, to);
  let found = '';
  let text: string | null = null;
  while (fields.next()) {
    if (fields.tag === KEY) found = textOf(fields);
    else if (fields.tag === VALUE) text = stringValueOf(fields) ?? text;
  }
  return { isKey: found === key, text };
}

/** The text of an AnyValue, null when its last member is another. */
function stringValueOf({ bytes, from, to }: SoundFields): string | null {
  const fields = new SoundFields(bytes).visit(from, to);
  let text: string | null = null;
  while (fields.next()) text = fields.tag === STRING_VALUE ? textOf(fields) : null;
  return text;
}

function bufferOf({ bytes, from, to }: SoundFields): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}

function textOf(fields: SoundFields): string {
  return bufferOf(fields).toString('utf8');
}

function hexOf(fields: SoundFields): string {
  return bufferOf(fields).toString('hex');
}

function unsigned64Of(fields: SoundFields): bigint {
  return (BigInt(fields.high) << 32n) | BigInt(fields.low);
}
