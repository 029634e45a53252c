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
  readonly name: string;
  readonly message: string;
  readonly mend: string;
}

/** Values are never shown. */
function headerProblems(rules: HeaderRules, headers: Readonly<Record<string, Secret>>): HeaderProblem[] {
  const seen = new Map<string, string>();
  return Object.entries(headers).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    const twin = seen.get(lower);
    seen.set(lower, name);
    if (!rules.name.test(name)) return [{ name, message: `"${name}" is no name of a header`, mend: rules.nameMend }];
    if (rules.isOwn(lower)) return [{ name, message: `the header ${name} is set by Weir itself`, mend: 'remove it' }];
    if (twin !== undefined)
      return [{ name, message: `${name} and ${twin} are the same header`, mend: 'remove one of them' }];
    if (rules.value.test(value.reveal())) return [];
    return [{ name, message: `the value of header ${name} has ${rules.valueProblem}`, mend: rules.valueMend }];
  });
}

/** Names and values; a Map, so that no name meets a prototype. */
export function requestHeaders(rules: HeaderRules) {
  return z
    .record(z.string(), secret())
    .superRefine((record, context) => {
      for (const { name, message, mend } of headerProblems(rules, record))
        context.addIssue({ code: 'custom', path: [name], message, params: { weir: 'WEIR1004', mend } });
    })
    .transform((record) => new Map(Object.entries(record)));
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
