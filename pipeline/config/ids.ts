/** @module Names in a configuration: component ids `type[/name]` and pipeline ids `signal[/name]`. */

/** OpenTelemetry Collector, `component/identifiable.go`. */
const TYPE = /^[a-zA-Z][0-9a-zA-Z_]{0,62}$/;
const NAME = /^[^\p{Z}\p{C}\p{S}]{1,1024}$/u;

export interface Id {
  readonly type: string;
  /** '' when the id is only a type. */
  readonly name: string;
}

/** The parts of an id, or what is wrong with it. The name may hold further slashes. */
export function parseId(text: string): Id | string {
  const slash = text.indexOf('/');
  const type = (slash === -1 ? text : text.slice(0, slash)).trim();
  const name = slash === -1 ? '' : text.slice(slash + 1).trim();
  if (type === '') return 'the part before / is empty';
  if (!TYPE.test(type)) return 'a type is a letter and then letters, digits and _, at most 63';
  if (slash !== -1 && name === '') return 'the part after / is empty';
  if (slash !== -1 && !NAME.test(name)) return 'a name holds no spaces, control characters or symbols';
  return { type, name };
}
