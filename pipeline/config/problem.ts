/** @module A problem of the configuration: its stable code, its place, and how to mend it; with the table of codes. */
import type { ErrorEntry } from '../errors.ts';

/** Every code of a configuration problem: never reused, only added to. `docs/reference/errors.md` lists them. */
export const PROBLEM_CODES = {
  WEIR1001: {
    title: 'configuration file unreadable',
    cause: 'The file given with -c does not exist, is a directory, is larger than 4 MiB, or may not be read.',
    mend: 'Check the path and its permissions.',
  },
  WEIR1002: {
    title: 'not valid YAML',
    cause: 'The text cannot be parsed: a tab as indentation, an open quote or bracket, a second document.',
    mend: 'Indent with spaces, close what is open, put a space after each colon.',
  },
  WEIR1003: {
    title: 'unknown key',
    cause: 'The key is not one this place knows; keys are case sensitive.',
    mend: 'Use one of the allowed keys.',
  },
  WEIR1004: {
    title: 'wrong value',
    cause: 'The value has another type than expected, or is none of the allowed values.',
    mend: 'Write what the message says is expected.',
  },
  WEIR1005: {
    title: 'duration or size without a unit, or not readable',
    cause: 'Durations and sizes are text with a unit.',
    mend: 'Write 500ms, 10s, 1m30s; 64KiB, 50MiB.',
  },
  WEIR1006: {
    title: 'value out of range',
    cause: 'The value is below or above what is allowed.',
    mend: 'Choose a value within the range named.',
  },
  WEIR1007: {
    title: 'not an address',
    cause: 'A listener or a peer is written as host:port, with an IPv6 host in brackets.',
    mend: 'Write 127.0.0.1:8080 or [::1]:8080.',
  },
  WEIR1008: {
    title: 'missing key',
    cause: 'A key without a default is not there.',
    mend: 'Add the key.',
  },
  WEIR1009: {
    title: 'duplicate key',
    cause: 'The same key stands twice in one mapping; which one is meant is not guessed.',
    mend: 'Remove one of them.',
  },
  WEIR1010: {
    title: 'environment variable not set',
    cause: 'A ${env:NAME} names a variable that the process does not have.',
    mend: 'Set it, or give a default: ${env:NAME:-default}.',
  },
  WEIR1011: {
    title: 'reference not readable',
    cause: 'A ${…} is not closed, has an unknown scheme, or its variable name is not valid.',
    mend: 'Write ${env:NAME} or ${env:NAME:-default}; a literal ${ is written $${.',
  },
  WEIR1012: {
    title: 'not a component id',
    cause: 'An id is type or type/name: the type of letters, digits and _, the name without spaces and symbols.',
    mend: 'Rename it, for example linkerd/edge.',
  },
  WEIR1013: {
    title: 'unknown component type',
    cause: 'No component of this kind has this type.',
    mend: 'Use one of the types that `weir components` lists.',
  },
  WEIR1014: {
    title: 'reference to something that is not configured',
    cause: 'A pipeline or service.extensions names a component that no section configures.',
    mend: 'Configure it, or correct the name.',
  },
  WEIR1015: {
    title: 'component not used (warning)',
    cause: 'The component is configured, but no pipeline uses it; it is checked and not started.',
    mend: 'Add it to a pipeline, or remove it.',
  },
  WEIR1016: {
    title: 'nothing to run',
    cause: 'There is no pipeline, or a pipeline has no receiver or no exporter.',
    mend: 'Give each pipeline at least one receiver and one exporter.',
  },
  WEIR1017: {
    title: 'signal does not fit',
    cause: 'A pipeline is named after the signal of its receivers (metrics, traces); a component does not carry it.',
    mend: 'Rename the pipeline, or use another component.',
  },
  WEIR1018: {
    title: 'neighbours do not understand each other',
    cause: 'One component gives a body (samples, traffic, spans) that the next one does not take.',
    mend: 'Put the processor between them that the message names.',
  },
  WEIR1019: {
    title: 'interval does not divide the slot (warning)',
    cause: 'Slots are as long as the longest scrape interval of a pipeline; another interval does not divide it.',
    mend: 'Choose intervals that divide the longest one.',
  },
  WEIR1020: {
    title: 'address used twice',
    cause: 'Two listeners ask for the same host and port; the second one could not start.',
    mend: 'Give one of them another port.',
  },
  WEIR1021: {
    title: 'values do not fit together',
    cause: 'Each value is right by itself, but not together with another one, such as a window and the slot.',
    mend: 'The message names both.',
  },
  WEIR1022: {
    title: 'listed twice',
    cause: 'A pipeline or service.extensions names the same component more than once.',
    mend: 'Remove one of them.',
  },
  WEIR1023: {
    title: 'empty configuration',
    cause: 'The files hold no keys at all.',
    mend: 'Begin with receivers, exporters and service.pipelines.',
  },
  WEIR1024: {
    title: 'listener open to the network without protection',
    cause: 'A listener on an address that other machines reach needs TLS and a credential.',
    mend: 'Listen on 127.0.0.1, or say insecure_allow: true where that is meant.',
  },
  WEIR1025: {
    title: 'configuration too deep or too large',
    cause: 'More than 64 levels, or more than 100,000 values once aliases are followed.',
    mend: 'Write it flatter, or without aliases that contain each other.',
  },
  WEIR1026: {
    title: 'key without a value',
    cause: 'The key has nothing after the colon; often the lines below it are not indented.',
    mend: 'Write a value, indent what belongs to it, or remove the key.',
  },
  WEIR1027: {
    title: 'no space after the colon',
    cause: 'YAML reads `key:value` as one text; it is a key and a value only with a space after the colon.',
    mend: 'Write `key: value`.',
  },
  WEIR1028: {
    title: 'labels do not name the workload (warning)',
    cause:
      'A label of targets is nearly, but not quite, one that says whose they are, or none of them names a workload or pod.',
    mend: 'Write the label that the message names, such as deployment, or pod.',
  },
  WEIR1029: {
    title: 'sends to itself',
    cause:
      'An exporter sends to the address that a receiver of the same Weir listens on, and that receiver feeds it: what goes out would come in again, without end.',
    mend: 'Write the address of your backend, or let the receiver listen on another port.',
  },
} as const satisfies Readonly<Record<`WEIR1${string}`, ErrorEntry>>;

export type ProblemCode = keyof typeof PROBLEM_CODES;
export type Severity = 'error' | 'warning';

/** Lines around the place as they may be printed: secrets masked, control characters escaped, long lines cut. */
export interface Excerpt {
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** Cells before the first caret in the last line, and how many carets. */
  readonly caretStart: number;
  readonly caretLength: number;
}

/** All fields are safe to print: no secret, no control character. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  /** File as the user named it; '' when it belongs to none. */
  readonly file: string;
  /** From 1; 0 when there is no place in a file. */
  readonly line: number;
  readonly column: number;
  /** Dotted path of the value, e.g. `receivers.linkerd.scrape_interval`. */
  readonly path: string;
  readonly message: string;
  /** Stands after the carets; '' for none. */
  readonly note: string;
  readonly mend: string;
  readonly excerpt: Excerpt | null;
}

/** Whether a text is a code of the table; for codes that come in from schemas. */
export function isProblemCode(text: unknown): text is ProblemCode {
  return typeof text === 'string' && Object.hasOwn(PROBLEM_CODES, text);
}
