/** @module Spans of one request as lines for people. Names are escaped, so that each stays in its line. */
import type { Spans } from '../../pipeline/model/spans.ts';
import { formatGoDuration } from '../../pipeline/wire/duration.ts';
import { type SpanView, spanAt } from '../../pipeline/wire/otlp-spans.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import type { Verbosity } from './lines.ts';

/** Names of `Span.SpanKind` and `Status.StatusCode` (opentelemetry-proto, trace/v1) by their numbers. */
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'];
const MAX_NAME = 120;

/** Whole lines, each with its line feed; at most `maxSpans` of spans. O(bytes of those spans and their resources). */
export function spanLines(spans: Spans, verbosity: Verbosity, maxSpans: number): string {
  const { bytes, count, layout } = spans;
  const lines = [`spans count=${count} resources=${layout.resourceStart.length} bytes=${bytes.length}`];
  if (verbosity === 'basic') return `${lines[0]}\n`;
  const shown = Math.min(count, maxSpans);
  for (let i = 0; i < shown; i++) lines.push(spanLine(spanAt(spans, i), verbosity === 'detailed'));
  if (shown < count) lines.push(`  … ${count - shown} more`);
  return `${lines.join('\n')}\n`;
}

function spanLine(span: SpanView, isDetailed: boolean): string {
  const ids = `trace=${span.traceId || '-'} span=${span.spanId || '-'}`;
  const kind = `kind=${wordOf(KINDS, span.kind)} status=${wordOf(STATUSES, span.statusCode)}`;
  const words = [`  span ${ids}`, `service=${textOf(span.serviceName)}`, kind, `took=${tookText(span)}`];
  if (isDetailed) words.push(...placeWords(span));
  return [...words, `name=${textOf(span.name)}`].join(' ');
}

function placeWords({ parentSpanId, startUnixNano, statusMessage }: SpanView): string[] {
  const words = [`parent=${parentSpanId || '-'}`, `start=${instantText(startUnixNano)}`];
  return statusMessage === '' ? words : [...words, `message=${textOf(statusMessage)}`];
}

/** A sender may be newer than these words. */
function wordOf(words: readonly string[], number: number): string {
  return words[number] ?? String(number);
}

function textOf(text: string): string {
  return text === '' ? '-' : printableShort(text, MAX_NAME);
}

/** `-` for a span that ends before it starts, or lacks one of the two. */
function tookText({ startUnixNano, endUnixNano }: SpanView): string {
  return startUnixNano === 0n || endUnixNano < startUnixNano ? '-' : formatGoDuration(endUnixNano - startUnixNano);
}

function instantText(unixNano: bigint): string {
  return unixNano === 0n ? '-' : new Date(Number(unixNano / 1_000_000n)).toISOString();
}
