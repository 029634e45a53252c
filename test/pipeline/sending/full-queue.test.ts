/** @module Why a queue is full: what the peer did, in words, counts and seconds, and which key mends it. */
import test from 'ava';
import { fullQueueCause, fullQueueError, fullQueueMend } from '../../../pipeline/sending/full-queue.ts';
import { type AttemptUnderWay, PeerRecord } from '../../../pipeline/sending/peer-record.ts';
import { secondsText } from '../../../pipeline/sending/seconds-text.ts';
import { createTestClock } from '../../kit/clock.ts';

interface Act {
  readonly record: PeerRecord;
  readonly pass: (ms: number) => void;
  /** Begins `count` attempts. */
  readonly begin: (count: number) => AttemptUnderWay[];
}

const CASES: readonly [name: string, act: (act: Act) => void, kind: string, text: string][] = [
  ['nothing was sent', () => {}, 'untried', 'nothing was sent yet'],
  [
    'nobody is there from the start',
    ({ record, begin, pass }) => {
      for (let n = 0; n < 17; n++) {
        const [attempt] = begin(1);
        pass(2500);
        record.failed(attempt!, 'connect', 'ECONNREFUSED');
      }
    },
    'failing',
    'the peer has taken nothing for 43 s, all 17 attempts failed, the last with connect: ECONNREFUSED',
  ],
  [
    'it refuses after a good time',
    ({ record, begin, pass }) => {
      record.answered(begin(1)[0]!);
      pass(9000);
      const [one, two] = begin(2);
      pass(20);
      record.failed(one!, 'http_503', 'status 503');
      record.failed(two!, 'http_429', '');
    },
    'failing',
    'the peer has taken nothing for 0.02 s, all 2 attempts failed, the last with http_429',
  ],
  [
    'it failed, and takes again',
    ({ record, begin, pass }) => {
      record.failed(begin(1)[0]!, 'http_503', 'status 503');
      pass(5000);
      const [one] = begin(4);
      pass(2000);
      record.answered(one!);
      pass(1500);
    },
    'slow',
    'more comes in than the peer takes: 1 request in 3.5 s, 2 s each, 3 under way',
  ],
  [
    'it hangs',
    ({ begin, pass }) => {
      begin(1);
      pass(1000);
      begin(9);
      pass(6400);
    },
    'silent',
    'the peer does not answer: 10 under way, the first for 7.4 s',
  ],
  [
    'it hangs after it was quick',
    ({ record, begin, pass }) => {
      record.answered(begin(1)[0]!);
      begin(2);
      pass(1001);
    },
    'silent',
    'the peer does not answer: 2 under way, the first for 1 s',
  ],
  [
    'each takes long as it always does',
    ({ record, begin, pass }) => {
      for (let n = 0; n < 4; n++) {
        const [attempt] = begin(1);
        pass(7000);
        record.answered(attempt!);
      }
      begin(1);
      pass(6000);
    },
    'slow',
    'more comes in than the peer takes: 4 requests in 34 s, 7 s each, 1 under way',
  ],
  [
    'what was long ago does not count',
    ({ record, begin, pass }) => {
      for (let n = 0; n < 50; n++) record.answered(begin(1)[0]!);
      pass(100_000);
      const [one] = begin(2);
      pass(500);
      record.answered(one!);
      pass(500);
    },
    'slow',
    'more comes in than the peer takes: 1 request in 1 s, 0.5 s each, 1 under way',
  ],
  [
    'one that was given up is not under way',
    ({ record, begin, pass }) => {
      for (const attempt of begin(3)) record.left(attempt);
      pass(60_000);
    },
    'untried',
    'nothing was sent yet',
  ],
];

for (const [name, act, kind, text] of CASES) {
  test(`${name}: ${kind}`, (t) => {
    const clock = createTestClock();
    const record = new PeerRecord(clock);
    const begin = (count: number) => Array.from({ length: count }, () => record.begin());
    act({ record, begin, pass: (ms) => clock.advance(ms) });
    t.like(record.state, { kind, text });
    t.notRegex(record.state.word.replace(/http_\d+/, ''), /\d/, 'the word is the same for the same trouble');
  });
}

test('an error has no numbers of its own, a cause has all of them, and the key to turn depends on the cause', (t) => {
  const queue = { depth: 1000, oldestAgeMs: 42_000 };
  const limit = 'sending_queue.queue_size (1000 requests)';
  const failing = {
    limit,
    peer: { kind: 'failing', word: 'the peer takes nothing (connect)', text: 'it failed' },
  } as const;
  const slow = { limit, peer: { kind: 'slow', word: 'more comes in', text: 'slow' } } as const;
  t.is(fullQueueError(failing), 'the sending queue is full: the peer takes nothing (connect)');
  t.is(
    fullQueueCause(queue, failing),
    'it failed. sending_queue.queue_size (1000 requests) is reached with 1000 waiting or under way, the oldest for 42 s',
  );
  t.is(
    fullQueueMend(queue, failing, 'raise it'),
    'see to the peer; sending_queue.queue_size holds what comes in 42 s: to bridge a longer outage make it larger',
  );
  t.is(
    fullQueueMend(queue, slow, 'raise it'),
    'raise it; else send it less. A larger sending_queue.queue_size helps over peaks only',
  );
});

test('seconds have two digits that count', (t) => {
  const texts = [-1, 0, 13, 999, 7449, 9999, 10_400, 123_456].map(secondsText);
  t.deepEqual(texts, ['0 s', '0 s', '0.013 s', '1 s', '7.4 s', '10 s', '10 s', '123 s']);
});
