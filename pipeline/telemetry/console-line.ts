/** @module A log record as one readable line for a terminal: time, level, message, fields. Pure. */

/** Characters that end a line, steer a terminal or are drawn as nothing, and what a value needs quotes for. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const PLAIN = /^[^\s"'={}[\],]+$/u;
/** Fields with a place of their own in the line. */
const PLACED = new Set(['time', 'level', 'msg']);

/** One line without its end. A record's `msg` must be a constant of the code; all else is escaped. */
export function formatConsoleLine(record: Readonly<Record<string, unknown>>): string {
  const head = `${text(record.time)} ${text(record.level).padEnd(5)} ${text(record.msg)}`;
  const fields = Object.entries(record).filter(([name]) => !PLACED.has(name));
  const tail = fields.map(([name, value]) => `${text(name)}=${formatValue(value)}`);
  return [head, ...tail].join('  ');
}

function text(value: unknown): string {
  return String(value ?? '').replace(CONTROL, escapeControl);
}

function formatValue(value: unknown): string {
  if (isErrorRecord(value)) return formatValue(errorText(value));
  if (typeof value === 'string' && PLAIN.test(value) && value.search(CONTROL) === -1) return value;
  return (JSON.stringify(value) ?? '').replace(CONTROL, escapeControl);
}

function escapeControl(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

interface ErrorRecord {
  readonly message: string;
  readonly cause?: unknown;
}

function isErrorRecord(value: unknown): value is ErrorRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stack' in value &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

/** Message and the messages of its causes; the stack is for the JSON form. */
function errorText(error: ErrorRecord): string {
  return isErrorRecord(error.cause) ? `${error.message}: ${errorText(error.cause)}` : error.message;
}
