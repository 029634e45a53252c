/** @module Several Weirs that have one `weir.source`: it is told to whoever runs them, and not over and over. */
import test from 'ava';
import { createStage, envelope, request, slotSum } from './metrics-stage.ts';

test('two Weirs of one name are told with what to do, counted each time, and their traffic is taken', async (t) => {
  const stage = createStage();
  for (let seq = 0; seq < 20; seq++) {
    for (const epoch of ['a', 'b']) {
      await stage.intake.take(request(slotSum(seq), envelope(seq, { epoch, source: 'agent\u202e' })));
      stage.clock.advance(30_000);
    }
  }
  t.is(stage.consumed.length, 40);
  const times = stage.metric('weir_otlp_traffic_shared_sources_total').get('otlp') ?? 0;
  t.true(times >= 10 && times < 20, String(times));
  const told = stage.log.lines.filter(({ message }) => message.startsWith('Several Weirs have one weir.source'));
  t.true(told.length >= 1 && told.length <= times);
  t.is(told[0]?.fields.mend, 'give each Weir a source of its own (exporters.otlphttp.source)');
  t.false(String(told[0]?.fields.source).includes('\u202e'));
});

test('a Weir that was restarted is not told as two', async (t) => {
  const stage = createStage();
  for (let seq = 0; seq < 40; seq++) {
    const [epoch, own] = seq < 20 ? ['a', seq] : ['b', seq - 20];
    await stage.intake.take(request(slotSum(seq), envelope(own, { epoch })));
    stage.clock.advance(30_000);
  }
  t.is(stage.metric('weir_otlp_traffic_shared_sources_total').get('otlp'), 0);
});
