/** @module Headers of each request as exporters over OTLP configure them: names, secrets, and what may not be sent. */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { isLoopback, type Secret, secret } from '../../pipeline/config/types.ts';

/** What a protocol allows. */
export interface HeaderRules {
  readonly name: RegExp;
  readonly value: RegExp;
  /** Whether a name, in lower case, is Weir's to set. */
  isOwn(name: string): boolean;
  readonly nameMend: string;
  /** Completes "the value of header x has …". */
  readonly valueProblem: string;
  readonly valueMend: string;
}

interface HeaderProblem {
  /** Where it stands in what was written: its name, or its place in the list and which part of it. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly mend: string;
}

/** Values are never shown. */
interface Header {
  readonly name: string;
  readonly value: Secret;
  readonly namePath: readonly (string | number)[];
  readonly valuePath: readonly (string | number)[];
}

function headerProblems(rules: HeaderRules, headers: readonly Header[]): HeaderProblem[] {
  const seen = new Map<string, string>();
  return headers.flatMap(({ name, value, namePath, valuePath }) => {
    const lower = name.toLowerCase();
    const twin = seen.get(lower);
    seen.set(lower, name);
    const ofName = (message: string, mend: string) => [{ path: namePath, message, mend }];
    if (!rules.name.test(name)) return ofName(`"${name}" is no name of a header`, rules.nameMend);
    if (rules.isOwn(lower)) return ofName(`the header ${name} is set by Weir itself`, 'remove it');
    if (twin !== undefined) return ofName(`${name} and ${twin} are the same header`, 'remove one of them');
    if (rules.value.test(value.reveal())) return [];
    const message = `the value of header ${name} has ${rules.valueProblem}`;
    return [{ path: valuePath, message, mend: rules.valueMend }];
  });
}

type Written = Readonly<Record<string, Secret>> | readonly { readonly name: string; readonly value: Secret }[];

function headersIn(written: Written): Header[] {
  if (isList(written))
    return written.map((header, i) => ({ ...header, namePath: [i, 'name'], valuePath: [i, 'value'] }));
  return Object.entries(written).map(([name, value]) => ({ name, value, namePath: [name], valuePath: [name] }));
}

function isList(written: Written): written is Exclude<Written, Readonly<Record<string, Secret>>> {
  return Array.isArray(written);
}

/** Names and values, as a mapping or as the Collector's list of them; a Map, so that no name meets a prototype. */
export function requestHeaders(rules: HeaderRules) {
  return z
    .union([z.record(z.string(), secret()), z.array(z.strictObject({ name: z.string(), value: secret() }))])
    .superRefine((written, context) => {
      for (const { path, message, mend } of headerProblems(rules, headersIn(written)))
        context.addIssue({ code: 'custom', path: [...path], message, params: { weir: 'WEIR1004', mend } });
    })
    .transform((written) => new Map(headersIn(written).map(({ name, value }) => [name, value] as const)));
}

/** Headers whose value lets others in. */
const CREDENTIAL = /authorization|cookie|token|secret|password|api[_-]?key|access[_-]?key/i;

/** Says that a credential goes to `host`, which is written without brackets, in plain text; nothing of a loopback host. */
export function exposedCredentials(headers: ReadonlyMap<string, Secret>, host: string, mend: string): ConfigIssue[] {
  if (isLoopback(host)) return [];
  const name = [...headers.keys()].find((each) => CREDENTIAL.test(each));
  if (name === undefined) return [];
  return [
    {
      path: ['headers', name],
      message: `the header ${name} goes to ${host} without TLS, readable for everybody on the way`,
      mend,
    },
  ];
}
