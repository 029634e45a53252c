/** @module Files of listeners that cannot be used: which key names them, where they are, and what to do. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { WeirError } from '../../../pipeline/errors.ts';
import { readListenerFiles, usableFiles } from '../../../pipeline/net/listener-files.ts';
import { createTestClock } from '../../kit/clock.ts';

const KEY = 'receivers.otlp.protocols.http.endpoint';
const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
const [CERT, PRIVATE] = [file('listener.crt'), file('listener.key')];
const folder = mkdtempSync(join(tmpdir(), 'weir-files-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const written = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const { privateKey: encrypted } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
});
const missing = join(folder, 'missing');
const empty = written('empty', ' \n');
const secret = written('encrypted.key', encrypted);
const pattern = join(folder, 'emp*');

const faults: [title: string, paths: { cert?: string; key?: string; ca?: string }, says: string][] = [
  [
    'no certificate file',
    { cert: missing },
    `cert_file: "${missing}" cannot be read: ENOENT: no such file or directory; check the path and its permissions`,
  ],
  [
    'no certificate file, by a relative path',
    { cert: relative('.', missing) },
    `cert_file: "${missing}" cannot be read: ENOENT`,
  ],
  ['no key file', { key: missing }, `key_file: "${missing}" cannot be read: ENOENT`],
  ['no file of authorities', { ca: missing }, `client_ca_file: "${missing}" cannot be read: ENOENT`],
  ['an empty file', { key: empty }, `key_file: "${empty}" is empty; name a file that holds it`],
  ['a pattern', { cert: pattern }, `cert_file: "${pattern}" is a pattern; name one file`],
  [
    'a key as certificate',
    { cert: PRIVATE },
    `cert_file: "${PRIVATE}" holds no certificate in PEM; name the file with the certificate chain`,
  ],
  [
    'a certificate as key',
    { key: CERT },
    `key_file: "${CERT}" holds no private key in PEM; name the file with the key of the certificate`,
  ],
  ['an encrypted key', { key: secret }, `key_file: "${secret}" is encrypted; take its passphrase off`],
  [
    "another certificate's key",
    { key: file('other.key') },
    `key_file: "${file('other.key')}" is not the key of the certificate; name the key that cert_file was made with`,
  ],
  [
    'a key as authority',
    { ca: PRIVATE },
    `client_ca_file: "${PRIVATE}" holds no certificate in PEM; name the file with clients' authorities`,
  ],
];
for (const [title, { cert = CERT, key = PRIVATE, ca }, says] of faults) {
  test(`${title} keeps a listener from starting, and is told with its key, path and mend`, async (t) => {
    const config = { tls: { cert_file: cert, key_file: key, client_ca_file: ca } };
    const error = await t.throwsAsync(readListenerFiles({ key: KEY, config, clock: createTestClock() }), {
      instanceOf: WeirError,
      code: 'WEIR_FILE_UNREADABLE',
    });
    const begins = `receivers.otlp.protocols.http.tls.${says}`;
    t.is(error?.message.slice(0, begins.length), begins);
  });
}

test('a token that cannot be read is told by its own key', async (t) => {
  const config = { bearer_token_file: missing };
  const error = await t.throwsAsync(readListenerFiles({ key: KEY, config, clock: createTestClock() }));
  t.true(error?.message.startsWith(`receivers.otlp.protocols.http.bearer_token_file: "${missing}" cannot be read`));
});

test('what TLS itself says to a certificate is told with both files', (t) => {
  const make = () => {
    throw new Error('ee key too small');
  };
  t.throws(() => usableFiles({ key: KEY, config: { tls: { cert_file: CERT, key_file: PRIVATE } } }, make), {
    message: `receivers.otlp.protocols.http.tls.cert_file: certificate "${CERT}" and key "${PRIVATE}" cannot be used: ee key too small; make others`,
  });
});

test('files that fit are used', async (t) => {
  const config = { tls: { cert_file: CERT, key_file: PRIVATE, client_ca_file: CERT } };
  const files = await readListenerFiles({ key: KEY, config, clock: createTestClock() });
  t.teardown(() => files.close());
  t.true(files.cert?.includes('BEGIN CERTIFICATE'));
  t.is(files.clientCa, files.cert);
});
