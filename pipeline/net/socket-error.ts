/** @module What a socket's error says to people. */

/** Text of an error; an `AggregateError` of several addresses tried has none of its own and gives its first one's. */
export function socketErrorText(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors.find((each) => each instanceof Error) : error;
  if (inner instanceof Error && inner.message !== '') return inner.message;
  return error.message !== '' ? error.message : 'code' in error ? String(error.code) : error.name;
}
