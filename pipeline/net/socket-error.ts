/** @module What a socket's error says to people. */

/** An error of OpenSSL as it dumps them: thread, number, library, function, what is wrong, file and line. */
const OPENSSL = /[0-9A-F]{8,}:error:[0-9A-F]+:[^:\n]*:[^:\n]*:([^:\n]+):[^\n]*\n?/;

export function isOpenSslDump(text: string): boolean {
  return OPENSSL.test(text);
}

/** The text without what OpenSSL says to its developers, and without Node's advice for its own command line. */
export function readableTls(text: string): string {
  return text
    .replace(OPENSSL, '$1')
    .replace(/; if the root CA is installed locally,.*$/s, '')
    .trim();
}

/** Text of an error; an `AggregateError` of several addresses tried has none of its own and gives its first one's. */
export function socketErrorText(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors.find((each) => each instanceof Error) : error;
  if (inner instanceof Error && inner.message !== '') return readableTls(inner.message);
  return error.message !== '' ? error.message : 'code' in error ? String(error.code) : error.name;
}
