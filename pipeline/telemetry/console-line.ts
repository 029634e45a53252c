/** @module A log record as one readable line for a terminal: time, level, message, fields. Pure. */

/** Characters that end a line or steer a terminal, and what a value needs quotes for. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
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
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
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
