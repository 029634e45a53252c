/** @module The tables of OTLP's messages, against the public schema. */
import test from 'ava';
import protobuf from 'protobufjs';
import { type Field, type Message, MetricsRequest, TraceRequest } from '../../../../pipeline/wire/otlp/schema.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../../kit/otlp-schema.ts';

/** One line a field of `message` and of all messages in it. */
function linesOf(message: Message, done = new Set<Message>()): string[] {
  if (done.has(message)) return [];
  done.add(message);
  const own = message.fields.map((field) => `${message.name}.${lineOf(field)}`);
  return [...own, ...message.fields.flatMap((field) => (field.message === null ? [] : linesOf(field.message, done)))];
}

function lineOf({ number, name, type, message, repeated, presence, oneof, values }: Field): string {
  const written = message?.name ?? (type === 'id' ? 'bytes' : type === 'enum' ? namesOf(values) : type);
  return [number, name, written, repeated && 'repeated', presence && 'presence', oneof && 'oneof'].join(' ');
}

function namesOf(values: ReadonlyMap<string, number> | null): string {
  return [...(values ?? [])].join();
}

function schemaLinesOf(type: protobuf.Type, done = new Set<protobuf.Type>()): string[] {
  if (done.has(type)) return [];
  done.add(type);
  const fields = [...type.fieldsArray].map((field) => field.resolve());
  const inner = fields.map(({ resolvedType }) => resolvedType).filter((each) => each instanceof protobuf.Type);
  return [
    ...fields.map((field) => `${type.name}.${schemaLineOf(field)}`),
    ...inner.flatMap((each) => schemaLinesOf(each, done)),
  ];
}

function schemaLineOf(field: protobuf.Field): string {
  const { resolvedType, repeated, partOf } = field;
  const written =
    resolvedType instanceof protobuf.Enum
      ? Object.entries(resolvedType.values).join()
      : (resolvedType?.name ?? field.type);
  const member = (partOf ?? null) !== null;
  const oneof = member && field.options?.proto3_optional !== true;
  const presence = member || resolvedType instanceof protobuf.Type;
  return [field.id, field.name, written, repeated && 'repeated', presence && 'presence', oneof && 'oneof'].join(' ');
}

for (const [message, type] of [
  [TraceRequest, TRACE_REQUEST_TYPE],
  [MetricsRequest, REQUEST_TYPE],
] as const) {
  test(`the tables of ${message.name} say what the public schema says`, (t) => {
    t.deepEqual(linesOf(message).sort(), schemaLinesOf(type).sort());
  });
}
