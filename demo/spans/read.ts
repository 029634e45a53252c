/** @module Reads an OTLP request of spans in JSON, as far as the demo shows it. What does not look like one is left out. */
import type { ReadSpan } from './traces.ts';

const ERROR = 2;

/** Never throws for any JSON value. */
export function readRequest(request: unknown): ReadSpan[] {
  return listOf(request, 'resourceSpans').flatMap((resourceSpans) => {
    const service = serviceOf(fieldOf(resourceSpans, 'resource'));
    return listOf(resourceSpans, 'scopeSpans')
      .flatMap((scopeSpans) => listOf(scopeSpans, 'spans'))
      .map((span) => readSpan(span, service));
  });
}

function readSpan(span: unknown, service: string): ReadSpan {
  return {
    service,
    traceId: textOf(span, 'traceId'),
    spanId: textOf(span, 'spanId'),
    parentSpanId: textOf(span, 'parentSpanId'),
    name: textOf(span, 'name'),
    kind: numberOf(fieldOf(span, 'kind')),
    startMs: numberOf(fieldOf(span, 'startTimeUnixNano')) / 1e6,
    endMs: numberOf(fieldOf(span, 'endTimeUnixNano')) / 1e6,
    isError: fieldOf(fieldOf(span, 'status'), 'code') === ERROR,
  };
}

function serviceOf(resource: unknown): string {
  const own = listOf(resource, 'attributes').find((attribute) => fieldOf(attribute, 'key') === 'service.name');
  return textOf(fieldOf(own, 'value'), 'stringValue');
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = fieldOf(value, key);
  return Array.isArray(list) ? list : [];
}

function textOf(value: unknown, key: string): string {
  const text = fieldOf(value, key);
  return typeof text === 'string' ? text : '';
}

/** 64-bit numbers come as text; 0 for what is none. */
function numberOf(value: unknown): number {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0;
  return Number.isFinite(number) ? number : 0;
}
