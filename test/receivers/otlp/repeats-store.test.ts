/** @module What was taken, over a restart by its file: nothing twice, gaps where something is lost, and files that are none. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { NotAFile } from '../../../pipeline/net/state-file.ts';
import { Repeats, type RequestNumber } from '../../../receivers/otlp/repeats.ts';
import { readTaken, type TakenRequests, writeTaken } from '../../../receivers/otlp/repeats-format.ts';
import { OWNER_CHECK_MS } from '../../../receivers/otlp/repeats-store.ts';
import { SplitRequests } from '../../../receivers/otlp/split-requests.ts';
import { StateFiles } from '../../kit/state-files.ts';
import {
  createStage,
  envelope,
  joined,
  request,
  requestTotals,
  START_MS,
  slotSum,
  split,
  takenSums,
} from './metrics-stage.ts';
import { TurnClock } from './turn-clock.ts';

const FILE = '/state/taken';
const KEYS = { traffic: { repeats_file: FILE } };
const MIB = 1024 * 1024;

let lives = 0;
/** With ids of its own, as each process has. */
function createLife(...settings: Parameters<typeof createStage>) {
  const stage = createStage(...settings);
  lives += 1;
  const life = `life${lives}`;
  stage.clock.randomId = () => life;
  return stage;
}

async function startStage(files: StateFiles, more: object = {}) {
  const stage = createLife({ traffic: { ...KEYS.traffic, ...more } }, null, files.open);
  await stage.intake.start?.();
  return stage;
}

const told = (stage: ReturnType<typeof createStage>) => stage.metric('weir_otlp_traffic_repeats_file_total');

test('a request whose answer was lost is a repeat to the next life, and the file is there no more', async (t) => {
  const files = new StateFiles();
  const before = await startStage(files);
  await before.intake.take(request(slotSum(0), envelope(0)));
  await before.intake.take(request(slotSum(1), envelope(1)));
  await before.intake.stop();
  t.deepEqual([...files.texts.keys()], [FILE]);
  t.is(before.registered.size, 0);

  const after = await startStage(files);
  t.is(files.texts.size, 0, 'a crash from here on would find numbers that are no longer true');
  await after.intake.take(request(slotSum(1), envelope(1)));
  await after.intake.take(request(slotSum(2), envelope(2)));
  t.deepEqual(
    after.consumed.map(({ sum, sender }) => [sum.interval.startMs, sender?.gap]),
    [[START_MS + 20_000, false]],
  );
  t.is(after.balanceOf('traffic').filtered.get('repeat'), 4);
  t.deepEqual([...told(after)], [['read', 1]]);
});

test('what was lost between two lives is told as a gap, once', async (t) => {
  const files = new StateFiles();
  const before = await startStage(files);
  await before.intake.take(request(slotSum(0), envelope(0)));
  await before.intake.stop();
  const after = await startStage(files);
  for (const seq of [2, 3]) await after.intake.take(request(slotSum(seq), envelope(seq)));
  t.deepEqual(
    after.consumed.map(({ sender }) => sender?.gap),
    [true, false],
  );
});

test('of a request that was split on the way, the next life takes what is missing and nothing else', async (t) => {
  const files = new StateFiles();
  const whole = request(slotSum(0, 6), envelope(0));
  const [first] = split(whole, 9);
  const before = await startStage(files);
  await before.intake.take(first);
  await before.intake.stop();
  const after = await startStage(files);
  await after.intake.take(whole);
  await after.intake.take(whole);
  const both = takenSums([...before.consumed, ...after.consumed]);
  t.deepEqual(requestTotals(both), requestTotals([slotSum(0, 6)]));
  t.is(after.metric('weir_otlp_traffic_repeated_points_total').get('otlp'), 9);
});

test('without the file the next life takes a repeat for new, and counts that it may be one', async (t) => {
  for (const [keys, unsure] of [
    [{}, 1],
    [KEYS, 0],
  ] as const) {
    const files = new StateFiles();
    const bodies = [request(slotSum(-1), envelope(0)), request(slotSum(0), envelope(1))];
    const before = createStage(keys, null, files.open);
    await before.intake.start?.();
    await before.intake.take(bodies[0]!);
    await before.intake.stop();
    const after = createStage(keys, null, files.open);
    await after.intake.start?.();
    for (const body of bodies) await after.intake.take(body);
    t.is(after.consumed.length, 1 + unsure);
    t.is(after.metric('weir_otlp_traffic_before_start_total').get('otlp'), unsure);
  }
});

test('what nobody has decided when the end comes is new to the next life', async (t) => {
  const files = new StateFiles();
  const before = await startStage(files);
  await before.intake.take(request(slotSum(0), envelope(0)));
  before.pipeline.outcome = () => {};
  void before.intake.take(request(slotSum(1), envelope(1)));
  await new Promise((resolve) => setImmediate(resolve));
  t.is(before.consumed.length, 2);
  await before.intake.stop();
  const after = await startStage(files);
  await after.intake.take(request(slotSum(1), envelope(1)));
  t.deepEqual(
    after.consumed.map(({ sender }) => sender?.gap),
    [false],
  );
});

test('a request that was being handed on when the end came is a repeat to the next life, once it was taken', async (t) => {
  const files = new StateFiles();
  const turns = new TurnClock([true]);
  const before = createLife(KEYS, null, files.open, turns);
  await before.intake.start();
  const slots = [0, 1, 2].map((slot) => slotSum(slot, 300));
  const body = joined(...slots.map((sum) => request(sum, envelope(0))));
  const answer = before.intake.take(body);
  for (let rounds = 0; before.consumed.length === 0 && rounds < 1000; rounds++) await turns.round();
  t.is(before.consumed.length, 1, 'in the middle');
  await before.intake.stop();
  await turns.end();
  t.is((await answer).kind, 'taken');
  const after = await startStage(files);
  t.is((await after.intake.take(body)).kind, 'taken', 'its sender never got the answer');
  t.deepEqual(requestTotals(takenSums([...before.consumed, ...after.consumed])), requestTotals(slots));
  t.is(after.consumed.length, 0);
});

test('a life that knows of nobody writes nothing, and one that was never started neither', async (t) => {
  const files = new StateFiles();
  await (await startStage(files)).intake.stop();
  const idle = createStage(KEYS, null, files.open);
  await idle.intake.take(request(slotSum(0), envelope(0)));
  await idle.intake.stop();
  t.is(files.texts.size, 0);
});

/** The text that a life with one request leaves. */
async function someText(receiver = 'otlp'): Promise<string> {
  const repeats = new Repeats({ window: 64, maxEpochs: 2, maxSources: 10 });
  repeats.claim({ source: 'agent-1', epoch: 'e1', seq: 0, replaces: [] }).keep();
  return writeTaken({ sources: [...repeats.states()], splits: [] }, receiver, MIB).text;
}

const lines = (text: string, change: (lines: string[]) => void) => {
  const list = text.split('\n');
  change(list);
  return list.join('\n');
};

/** What is found, what it counts as, and whether it is written over in the end. */
const UNUSABLE: readonly (readonly [string, (text: string) => string, string, boolean])[] = [
  ['nothing', () => '', 'corrupt', true],
  ['another file', () => 'root:x:0:0:root:/root:/bin/sh\n', 'foreign', false],
  ['other JSON', () => '{"file":"something else"}\n', 'foreign', false],
  ['a newer version', (text) => text.replace('"version":1', '"version":2'), 'foreign', true],
  ['that of another receiver', (text) => text.replace('"receiver":"otlp"', '"receiver":"otlp/2"'), 'foreign', true],
  ['one that was cut', (text) => text.slice(0, -20), 'corrupt', true],
  ['one without its last line', (text) => lines(text, (list) => list.splice(-2, 1)), 'corrupt', true],
  ['one with a line twice', (text) => lines(text, (list) => list.splice(1, 0, list[1]!)), 'corrupt', true],
  ['one in which a number was changed', (text) => text.replace('"end":1', '"end":9'), 'corrupt', true],
  [
    'one with zeros at its end, as after a loss of power',
    (text) => `${text.slice(0, -9)}\0\0\0\0\0\0\0\0\n`,
    'corrupt',
    true,
  ],
  ['only its first line', (text) => `${text.split('\n')[0]}\n`, 'corrupt', true],
];

for (const [what, spoil, outcome, isOurs] of UNUSABLE) {
  test(`a file that holds ${what} is told, and Weir starts without it`, async (t) => {
    const files = new StateFiles();
    const text = spoil(await someText());
    files.texts.set(FILE, text);
    const stage = await startStage(files);
    t.deepEqual([...told(stage)], [[outcome, 1]]);
    const [line] = stage.log.lines.filter(({ level }) => level === 'warn');
    t.is(line?.fields.code, 'WEIR_FILE_UNREADABLE');
    t.truthy(line?.fields.mend);
    t.is(files.texts.get(FILE), text, 'it is left for people to look at');
    await stage.intake.take(request(slotSum(0), envelope(0)));
    t.is(stage.consumed.length, 1);
    await stage.intake.stop();
    t.is(files.texts.get(FILE) !== text, isOurs);
  });
}

/** Values of a line that a Weir would not write, vouched for by a last line that is right. */
const LINES: readonly (readonly [string, unknown])[] = [
  ['a list', []],
  ['no source', { epochs: [] }],
  ['a source without lives', { source: 's', epochs: [] }],
  ...(
    [
      ['a life without a name', { epoch: 1 }],
      ['numbers out of order', { known: [3, 2] }],
      ['half a run', { known: [3] }],
      ['a number above the end', { whole: [0, 99] }],
      ['a number below 0', { known: [-1, 2] }],
      ['a number that is none', { end: 1e300 }],
      ['what was looked through beyond the end', { checked: 99 }],
      ['no word of losses', { lost: 0 }],
    ] as const
  ).map(([what, more]) => {
    const epoch = {
      epoch: 'e',
      isNewest: true,
      end: 9,
      checked: 0,
      lost: false,
      known: [0, 9],
      whole: [0, 9],
      ...more,
    };
    return [what, { source: 's', epochs: [epoch] }] as const;
  }),
  ['a split request without points', { request: { source: 's', epoch: 'e', seq: 0, points: 5 } }],
  ['a split request of no number', { request: { source: 's', epoch: 'e', seq: -1, points: 5 }, points: [] }],
];

for (const [what, line] of LINES) {
  test(`a line with ${what} is refused as corrupt`, (t) => {
    const { text } = writeTaken({ sources: [line as never], splits: [] }, 'otlp', MIB);
    t.is(readTaken(text, 'otlp').kind, 'corrupt');
  });
}

test('names that play tricks come back as they were', (t) => {
  const repeats = new Repeats({ window: 64, maxEpochs: 2, maxSources: 10 });
  const names = ['__proto__', 'a\n{"lines":0}', '\u2028"\\', '', '\ud800'];
  for (const name of names) repeats.claim({ source: name, epoch: name, seq: 3, replaces: [] }).keep();
  const found = readTaken(
    writeTaken({ sources: [...repeats.states()], splits: [] }, '__proto__', MIB).text,
    '__proto__',
  );
  t.deepEqual(found.kind === 'read' && found.taken.sources, [...repeats.states()]);
});

test('of more senders than there is room for, those longest silent are left out, and counted', async (t) => {
  const files = new StateFiles();
  const size = { max_repeats_file_size: '2KiB' };
  const before = await startStage(files, size);
  for (let i = 0; i < 20; i++) await before.intake.take(request(slotSum(0), envelope(0, { source: `agent-${i}` })));
  await before.intake.stop();
  t.true(files.texts.get(FILE)!.length <= 2048);
  t.truthy(before.log.lines.find(({ fields }) => fields.leftOut !== undefined && fields.mend !== undefined));
  const after = await startStage(files, size);
  for (const [agent, isKnown] of [
    ['agent-19', true],
    ['agent-0', false],
  ] as const) {
    const { length } = after.consumed;
    await after.intake.take(request(slotSum(0), envelope(0, { source: agent })));
    t.is(after.consumed.length === length, isKnown, agent);
  }
});

test('a file that is too large is told, and not written over', async (t) => {
  const files = new StateFiles();
  files.texts.set(FILE, 'x'.repeat(5000));
  const stage = await startStage(files, { max_repeats_file_size: '2KiB' });
  await stage.intake.take(request(slotSum(0), envelope(0)));
  await stage.intake.stop();
  t.is(files.texts.get(FILE)?.length, 5000);
  t.truthy(
    stage.log.lines.find(({ level, fields }) => level === 'warn' && /max_repeats_file_size/.test(String(fields.mend))),
  );
});

test('a folder in the place of the file is told as such, and left alone', async (t) => {
  const files = new StateFiles();
  files.failures.set('read', new NotAFile('it is no file'));
  const stage = await startStage(files);
  await stage.intake.take(request(slotSum(0), envelope(0)));
  t.deepEqual([...told(stage)], [['not_a_file', 1]]);
  await stage.intake.stop();
  t.is(files.texts.size, 0);
  const [line] = stage.log.lines.filter(({ level }) => level === 'warn');
  t.like(line?.fields, { reason: 'it is no file', file: FILE });
  t.regex(String(line?.fields.mend), /^name a file in traffic\.repeats_file/);
});

/** What the file system refuses, how that is counted, and how loudly it is told. */
const FAILURES = [
  ['check', 'not_writable', 'warn'],
  ['read', 'unreadable', 'warn'],
  ['remove', 'not_removed', 'warn'],
  ['write', 'not_written', 'error'],
] as const;

for (const [what, outcome, level] of FAILURES) {
  test(`a file system that refuses to ${what} is told and counted, and nobody is refused for it`, async (t) => {
    const files = new StateFiles();
    files.texts.set(FILE, await someText());
    files.failures.set(what, new Error('EROFS: read-only file system'));
    const stage = await startStage(files);
    await stage.intake.take(request(slotSum(1), envelope(1)));
    const counted = told(stage);
    const atStop = new Map<unknown, number>();
    const count = stage.registered.get('weir_otlp_traffic_repeats_file_total')!;
    await stage.intake.stop();
    for (const { value, attributes } of count()) atStop.set(attributes.outcome, value);
    t.is(atStop.get(outcome), 1, JSON.stringify([...counted, ...atStop]));
    const [line] = stage.log.lines.filter((one) => one.level === level);
    t.regex(String(line?.fields.code), /^WEIR_FILE_UN(?:READ|WRIT)ABLE$/);
    t.is(line?.fields.reason, 'EROFS: read-only file system');
    t.is(stage.consumed.length, 1);
  });
}

// --- Two lives with one file ------------------------------------------------------------------------------------------

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
const errors = ({ log }: ReturnType<typeof createStage>) => log.lines.filter(({ level }) => level === 'error');

/** What is counted of the file, also once the meters are gone. */
async function stopped(stage: ReturnType<typeof createStage>): Promise<Map<unknown, number>> {
  const count = stage.registered.get('weir_otlp_traffic_repeats_file_total')!;
  await stage.intake.stop();
  return new Map(Array.from(count(), ({ value, attributes }) => [attributes.outcome, value]));
}

async function look({ clock }: ReturnType<typeof createStage>, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    clock.advance(OWNER_CHECK_MS);
    await settled();
  }
}

test('of two lives with one file the first says so while both live, once, and leaves the file to the other', async (t) => {
  const files = new StateFiles();
  const first = await startStage(files);
  await first.intake.take(request(slotSum(0), envelope(0)));
  await look(first, 2);
  t.is(told(first).get('shared'), undefined);
  const second = await startStage(files);
  await second.intake.take(request(slotSum(0), envelope(0, { source: 'agent-2' })));
  await look(first, 3);
  await look(second, 3);
  t.is(told(first).get('shared'), 1);
  t.is(told(second).get('shared'), undefined);
  t.regex(String(errors(first)[0]?.fields.mend), /path of its own/);
  const counted = await stopped(first);
  t.deepEqual([counted.get('shared'), counted.get('left_to_other'), counted.get('written')], [1, 1, undefined]);
  t.is(files.texts.size, 0);
  t.is((await stopped(second)).get('written'), 1);
  t.true(files.texts.get(FILE)!.includes('agent-2'));
  t.is(files.owners.size, 0);
});

test('one that ends before it has looked sees it then', async (t) => {
  const files = new StateFiles();
  const first = await startStage(files);
  await first.intake.take(request(slotSum(0), envelope(0)));
  await startStage(files);
  const counted = await stopped(first);
  t.deepEqual([counted.get('shared'), counted.get('left_to_other'), files.texts.size], [1, 1, 0]);
});

test('when the other one has ended, that is told, and the file is the first one’s again', async (t) => {
  const files = new StateFiles();
  const first = await startStage(files);
  await first.intake.take(request(slotSum(0), envelope(0)));
  for (let i = 1; i <= 2; i++) {
    await (await startStage(files)).intake.stop();
    await look(first, 2);
    t.is(told(first).get('shared'), i);
  }
  t.is((await stopped(first)).get('written'), 1);
  t.is(files.texts.size, 1);
});

test('the claim of a life that crashed is no obstacle and no news', async (t) => {
  const files = new StateFiles();
  files.owners.set(FILE, 'crashed');
  const stage = await startStage(files);
  await stage.intake.take(request(slotSum(0), envelope(0)));
  await look(stage, 2);
  t.is(stage.clock.timers, 1);
  const counted = await stopped(stage);
  t.is(stage.clock.timers, 0, 'nobody looks any more');
  t.deepEqual(
    [...counted],
    [
      ['none', 1],
      ['written', 1],
    ],
  );
  t.deepEqual(errors(stage), []);
});

test('a life that cannot claim the file says so and uses it all the same; one that cannot look takes it for its own', async (t) => {
  for (const what of ['claim', 'owner', 'release'] as const) {
    const files = new StateFiles();
    files.failures.set(what, new Error('EIO'));
    const stage = await startStage(files);
    await stage.intake.take(request(slotSum(0), envelope(0)));
    await look(stage, 2);
    const counted = await stopped(stage);
    t.deepEqual([counted.get('written'), counted.get('not_claimed')], [1, what === 'claim' ? 1 : undefined], what);
    t.is(files.texts.size, 1);
  }
});

test('a file that is nothing of Weir’s is not claimed for longer than it takes to see that', async (t) => {
  const files = new StateFiles();
  files.texts.set(FILE, 'root:x:0:0');
  const stage = await startStage(files);
  t.is(files.owners.size, 0);
  await look(stage);
  t.deepEqual([...(await stopped(stage))], [['foreign', 1]]);
});

test('two lives with one real file: it is seen, and what is there in the end is whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-taken-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const keys = { traffic: { repeats_file: join(folder, 'taken') } };
  const stages = [1, 2].map(() => createLife(keys));
  for (const [i, stage] of stages.entries()) {
    await stage.intake.start();
    await stage.intake.take(request(slotSum(0), envelope(0, { source: `agent-${i}` })));
  }
  t.deepEqual(await readdir(folder), ['taken.owner']);
  const [first, second] = await Promise.all(stages.map(stopped));
  t.deepEqual([first!.get('left_to_other'), second!.get('written')], [1, 1]);
  t.deepEqual(await readdir(folder), ['taken']);
  const after = createLife(keys);
  await after.intake.start();
  await after.intake.take(request(slotSum(0), envelope(0, { source: 'agent-1' })));
  t.is(after.consumed.length, 0);
  await after.intake.stop();
});

test('a disk that does not answer keeps a stop no longer than 5 s, and that is told', async (t) => {
  const files = new StateFiles();
  const open: typeof files.open = (path, maxBytes) => ({
    ...files.open(path, maxBytes),
    write: () => new Promise(() => {}),
  });
  const stage = createStage(KEYS, null, open);
  await stage.intake.start?.();
  await stage.intake.take(request(slotSum(0), envelope(0)));
  let ended = false;
  const stopped = Promise.resolve(stage.intake.stop()).then(() => {
    ended = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  stage.clock.advance(4999);
  await new Promise((resolve) => setImmediate(resolve));
  t.false(ended);
  stage.clock.advance(1);
  await stopped;
  const [line] = stage.log.lines.filter(({ level }) => level === 'error');
  t.is(line?.fields.reason, 'the disk did not answer within 5s');
});

/** What happens to a number: it is taken, refused, passed as a repeat, lost otherwise, or nobody decides. */
const anyAct = fc.record({
  act: fc.constantFrom('keep', 'keep', 'keep', 'undo', 'open', 'pass', 'lose'),
  source: fc.constantFrom('a', 'b', 'c'),
  epoch: fc.constantFrom('e', 'f', 'g'),
  seq: fc.oneof({ weight: 6, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(400) }),
  replaces: fc.array(fc.nat(40), { maxLength: 2 }),
});
type Act = RequestNumber & { readonly act: string };

const LIMITS = { window: 64, maxEpochs: 2, maxSources: 2 };

/** What each act came to. */
function play(repeats: Repeats, acts: readonly Act[]): unknown[] {
  return acts.map(({ act, ...number }) => {
    const standing = repeats.standing(number);
    if (act === 'lose') repeats.lose(number);
    else if (act === 'pass' || standing !== 'new') repeats.pass(number);
    else {
      const claim = repeats.claim(number);
      if (act === 'keep') claim.keep();
      if (act === 'undo') claim.undo();
      return [standing, claim.gap, claim.isFirst];
    }
    return standing;
  });
}

function overTheFile(taken: TakenRequests): TakenRequests {
  const found = readTaken(writeTaken(taken, 'otlp', MIB).text, 'otlp');
  if (found.kind !== 'read') throw new Error(found.reason);
  return found.taken;
}

test('whatever happened before a restart, what comes after it is judged as without one', (t) => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 60 }), fc.array(anyAct, { maxLength: 60 }), (before, after) => {
      const running = new Repeats(LIMITS);
      play(running, before);
      running.undoOpen();
      const restarted = new Repeats(LIMITS);
      for (const source of overTheFile({ sources: [...running.states()], splits: [] }).sources)
        restarted.restore(source);
      t.deepEqual([...restarted.states()], [...running.states()]);
      t.deepEqual(play(restarted, after), play(running, after));
    }),
    { numRuns: 500 },
  );
});

test('a life with other limits keeps what fits them: what lies below its window is too old, never new', (t) => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 80 }), fc.constantFrom(32, 128, 4096), (acts, window) => {
      const before = new Repeats({ ...LIMITS, window: 256 });
      play(before, acts);
      before.undoOpen();
      const after = new Repeats({ ...LIMITS, window });
      for (const source of overTheFile({ sources: [...before.states()], splits: [] }).sources) after.restore(source);
      for (const { source, epochs } of before.states()) {
        for (const { epoch } of epochs) {
          for (let seq = 0; seq <= 420; seq++) {
            const number = { source, epoch, seq, replaces: [] };
            const was = before.standing(number);
            const is = after.standing(number);
            if (was !== 'new') t.true(is !== 'new' || was === 'too_old', `${seq} was ${was}, is ${is}`);
            else t.true(is !== 'repeat', `${seq} was ${was}, is ${is}`);
          }
        }
      }
    }),
    { numRuns: 50 },
  );
});

const anySplits = fc.array(
  fc.record({
    seq: fc.nat(3),
    points: fc.array(fc.nat(20), { maxLength: 8 }),
  }),
  { maxLength: 30 },
);

test('open requests have after a restart the points that they had before', (t) => {
  const play = (
    splits: SplitRequests,
    parts: readonly { readonly seq: number; readonly points: readonly number[] }[],
  ) =>
    parts.map(({ seq, points }) => {
      const part = splits.part({ source: 's', epoch: 'e', seq, points: 21 });
      const wanted = points.map((point) => part.wants(point));
      part.commit();
      return [wanted, splits.points, splits.open];
    });
  fc.assert(
    fc.property(anySplits, anySplits, (before, after) => {
      const running = new SplitRequests(50, () => {});
      play(running, before);
      const restarted = new SplitRequests(50, () => {});
      for (const state of overTheFile({ sources: [source('s')], splits: [...running.states()] }).splits)
        restarted.restore(state);
      t.deepEqual(play(restarted, after), play(running, after));
    }),
    { numRuns: 300 },
  );
});

function source(name: string) {
  const repeats = new Repeats(LIMITS);
  repeats.claim({ source: name, epoch: 'e', seq: 0, replaces: [] }).keep();
  return [...repeats.states()][0]!;
}
