/** @module What a Weir that ends says of what it waits for. */
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { tellStopped } from '../../../pipeline/graph/service.ts';
import { tellWaiting, waitingOf, waitingText } from '../../../pipeline/graph/waiting.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';

test('what is held and queued is told by component every 5 s, until the end', (t) => {
  const [clock, log, queued, held] = [createTestClock(), createTestLog(), new Balance(), new Balance()];
  Object.assign(queued, { accepted: 9, queued: 7, delivered: 2 });
  held.held = 1;
  const books = [
    { component: 'exporters.otlp', balance: queued },
    { component: 'exporters.debug', balance: new Balance() },
    { component: 'exporters.otlp', balance: held },
    { component: 'processors.smi', balance: held },
  ];
  const end = tellWaiting(clock, log, 25_000, () => waitingOf(books));
  clock.advance(4999);
  t.is(log.lines.length, 0);
  clock.advance(1);
  t.deepEqual(log.lines, [
    {
      level: 'info',
      message:
        'still draining: 8 items in exporters.otlp, 1 item in processors.smi; a second signal (Ctrl-C) ends at once',
      fields: {
        leftMs: 20_000,
        waiting: [
          { component: 'exporters.otlp', items: 8 },
          { component: 'processors.smi', items: 1 },
        ],
      },
    },
  ]);
  clock.advance(5000);
  t.is(log.lines.length, 2);
  end();
  clock.advance(60_000);
  t.is(log.lines.length, 2);
  t.is(waitingText([]), 'nothing');
});

for (const [reasons, level, message] of [
  [[], 'info', 'stopped'],
  [['not_mesh'], 'info', 'stopped: all that was dropped was not meant for Weir'],
  [['not_mesh', 'shutdown'], 'warn', 'stopped: some items were dropped'],
] as const) {
  test(`the last line after drops for ${reasons.join(' and ') || 'nothing'} is of level ${level}`, (t) => {
    const [log, balance] = [createTestLog(), new Balance()];
    balance.accepted = reasons.length;
    for (const reason of reasons) balance.drop(reason, 1);
    tellStopped([{ component: 'receivers.otlp', balance }] as unknown as Parameters<typeof tellStopped>[0], log);
    t.deepEqual(
      log.lines.map((line) => [line.level, line.message]),
      [[level, message]],
    );
  });
}
