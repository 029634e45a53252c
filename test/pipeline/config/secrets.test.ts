/** @module Which texts of a configuration must not be shown. */
import test from 'ava';
import { secretsIn } from '../../../pipeline/config/secrets.ts';
import { Secret } from '../../../pipeline/config/types.ts';

const PAIR = Buffer.from('scraper:open sesame').toString('base64');

for (const [what, config, hidden] of [
  ['a secret', { key: new Secret('k3y-of-mine') }, ['k3y-of-mine']],
  ['a credential behind its scheme', [new Secret('Bearer abc.def')], ['Bearer abc.def', 'abc.def']],
  ['what is too short to be looked for', { key: new Secret('abc') }, []],
  ['a plain text', { tenant: 'production' }, []],
  [
    'a header for Basic, also as whoever decodes it quotes it',
    { value: new Secret(`Basic ${PAIR}`) },
    [`Basic ${PAIR}`, PAIR, 'scraper:open sesame', 'open sesame'],
  ],
  [
    'a user name and a password, also as they are sent',
    { basic_auth: { username: 'scraper', password: new Secret('open sesame') } },
    [PAIR, 'open sesame', 'sesame'],
  ],
  ['a user name alone', { username: 'scraper', password: undefined }, []],
] as const) {
  test(`of ${what} is hidden: ${hidden.join(', ') || 'nothing'}`, (t) => t.deepEqual(secretsIn(config), [...hidden]));
}
