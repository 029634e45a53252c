/**
 * @module What senders are answered over OTLP: responses, partial successes, refusals, in protobuf and in JSON.
 *
 * Source: open-telemetry/opentelemetry-proto `docs/specification.md`, `trace_service.proto` and `metrics_service.proto`: in
 * both services the response is { partial_success = 1 { rejected = 1, error_message = 2 } }.
 */
import { Buffer } from 'node:buffer';
import type { IngestRefusal, IngestResult } from '../../pipeline/net/ingest.ts';
import { encodeRpcStatus, rpcStatusJson } from '../../pipeline/wire/grpc/rpc-status.ts';
import { GRPC_STATUS } from '../../pipeline/wire/grpc/status.ts';
import { MessageBuilder } from '../../pipeline/wire/protobuf/message-builder.ts';
import type { IntakeAnswer } from './intake.ts';

/** How answers are written; `rejectedName` is the JSON name of what a partial success rejects. */
export interface AnswerForm {
  readonly contentType: string;
  success(rejectedItems: number, message: string): Uint8Array;
  refusal(refusal: IngestRefusal): Uint8Array | string;
}

const NOTHING = new Uint8Array();
const EMPTY_OBJECT = Buffer.from('{}');

/** Answers in protobuf, the same for all signals. */
export const PROTO_ANSWERS: AnswerForm = {
  contentType: 'application/x-protobuf',
  success(rejectedItems, message) {
    if (rejectedItems === 0 && message === '') return NOTHING;
    const partial = new MessageBuilder();
    if (rejectedItems > 0) partial.varint(1, rejectedItems);
    if (message !== '') partial.text(2, message);
    return new MessageBuilder().message(1, partial.take()).take();
  },
  refusal: encodeRpcStatus,
};

/** Answers in JSON. */
export function jsonAnswers(rejectedName: 'rejectedSpans' | 'rejectedDataPoints'): AnswerForm {
  return {
    contentType: 'application/json',
    success(rejectedItems, message) {
      if (rejectedItems === 0 && message === '') return EMPTY_OBJECT;
      const rejected = rejectedItems > 0 ? { [rejectedName]: String(rejectedItems) } : {};
      return Buffer.from(JSON.stringify({ partialSuccess: { ...rejected, errorMessage: message } }));
    },
    refusal: rpcStatusJson,
  };
}

/** What a server does with the verdict of the pipeline. Permanent refusals are INTERNAL, as in the Collector. */
export function resultOf(answer: IntakeAnswer, form: AnswerForm): IngestResult {
  if (answer.kind === 'taken') return { body: form.success(answer.rejectedItems, answer.message) };
  const { reason } = answer;
  if (answer.kind === 'retry')
    return {
      refusal: {
        reason: 'busy',
        code: GRPC_STATUS.unavailable,
        message: `nothing can be taken now (${reason}); come again`,
        retryAfterMs: answer.afterMs,
      },
    };
  return { refusal: { reason: 'rejected', code: GRPC_STATUS.internal, message: `Permanent error: ${reason}` } };
}
