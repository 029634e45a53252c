/** @module Spans for tests that do not look into them. */
import type { Spans } from '../../pipeline/model/spans.ts';
import { readSpans } from '../../pipeline/wire/otlp-spans.ts';
import { MessageBuilder } from '../../pipeline/wire/protobuf/message-builder.ts';

/** `count` empty spans of one scope. */
export function emptySpans(count: number): Spans {
  const scope = new MessageBuilder();
  for (let i = 0; i < count; i++) scope.message(2, new Uint8Array());
  const resource = new MessageBuilder().message(2, scope.take()).take();
  return readSpans(new MessageBuilder().message(1, resource).take(), { maxItems: count + 1, maxDepth: 32 });
}
