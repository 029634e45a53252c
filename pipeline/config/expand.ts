/**
 * @module `${env:NAME}`, `${env:NAME:-default}` and `$$` inside a value.
 *
 * The outcome is text, never structure: a variable cannot add keys or lists. What a variable holds is not scanned again.
 * Grammar: OpenTelemetry Collector, `confmap` (`docs/rfcs/env-vars.md`).
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Why a reference could not be followed; `offset` is that of its `$` in the text. */
export interface ReferenceFault {
  readonly kind: 'unset' | 'malformed';
  readonly offset: number;
  readonly length: number;
  /** Variable for `unset`, explanation for `malformed`. */
  readonly what: string;
}

export interface Expanded {
  readonly text: string;
  readonly variables: readonly string[];
  readonly faults: readonly ReferenceFault[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Defaults may hold references, which may have defaults. */
const DEEPEST = 16;

/** Never throws. Faulty references become ''. */
export function expandText(text: string, env: Environment): Expanded {
  const run: Run = { env, variables: [], faults: [] };
  return { text: expandPart(run, text, 0, 0), variables: run.variables, faults: run.faults };
}

interface Run {
  readonly env: Environment;
  readonly variables: string[];
  readonly faults: ReferenceFault[];
}

function expandPart(run: Run, text: string, base: number, depth: number): string {
  let out = '';
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('$$', at)) {
      out += '$';
      at += 2;
    } else if (text.startsWith('${', at)) {
      const end = closingBrace(text, at + 2);
      const length = (end === -1 ? text.length : end + 1) - at;
      const fault = (what: string) => run.faults.push({ kind: 'malformed', offset: base + at, length, what });
      if (end === -1) fault('it is not closed by }');
      else if (depth >= DEEPEST) fault(`it is nested more than ${DEEPEST} deep`);
      else out += reference(run, text.slice(at + 2, end), base + at, depth);
      at += length;
    } else {
      const next = text.indexOf('$', at + 1);
      const stop = next === -1 ? text.length : next;
      out += text.slice(at, stop);
      at = stop;
    }
  }
  return out;
}

/** Index of the brace that closes a reference whose inside begins at `from`; -1 when none does. */
function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('$$', at)) at += 1;
    else if (text.startsWith('${', at)) open += 1;
    else if (text[at] === '}' && --open === 0) return at;
  }
  return -1;
}

function reference(run: Run, inside: string, offset: number, depth: number): string {
  const length = inside.length + 3;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):(?!-)/.exec(inside)?.[1] ?? 'env';
  const rest =
    inside.startsWith(`${scheme}:`) && !inside.startsWith(`${scheme}:-`) ? inside.slice(scheme.length + 1) : inside;
  if (scheme !== 'env') {
    run.faults.push({ kind: 'malformed', offset, length, what: `the scheme "${scheme}" is not known, only env` });
    return '';
  }
  const split = rest.indexOf(':-');
  const name = split === -1 ? rest : rest.slice(0, split);
  if (!NAME.test(name)) {
    const group = /^\d+$/.test(name) ? `; a group of an expression is written $${name} or $$\{${name}}` : '';
    run.faults.push({ kind: 'malformed', offset, length, what: `"${name}" is no name of a variable${group}` });
    return '';
  }
  const value = Object.hasOwn(run.env, name) ? run.env[name] : undefined;
  if (value !== undefined) {
    run.variables.push(name);
    return value;
  }
  if (split !== -1)
    return expandPart(run, rest.slice(split + 2), offset + length - 1 - (rest.length - split - 2), depth + 1);
  run.faults.push({ kind: 'unset', offset, length, what: name });
  return '';
}
