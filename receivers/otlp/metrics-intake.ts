/**
 * @module Requests of metrics: traffic of other Weirs becomes batches again, each taken once; the rest is counted by name
 * (design §6, docs/adr/0013).
 *
 * All of it takes turns with everything else. Reading may be mixed with that of other requests; from the judgement to the end
 * of the offer one request is alone, so that what was judged stays so, and requests are applied in the order judged. Only the
 * samples of a long request are offered beside others, which wait for it if they have something of the same proxies.
 */
import { FinishableSteps, type Turns } from '../../pipeline/clock/turns.ts';
import type { Admission, ReceiverSettings } from '../../pipeline/component.ts';
import type { Outcome } from '../../pipeline/delivery.ts';
import { stateFile } from '../../pipeline/net/state-file.ts';
import { freeWhole } from '../../pipeline/wire/free.ts';
import {
  countDataPointsInSteps,
  type DecodedTraffic,
  decodeTrafficInSteps,
  type InSteps,
  TrafficMemory,
} from '../../pipeline/wire/otlp-traffic.ts';
import type { OtlpConfig } from './config.ts';
import type { Intake, IntakeAnswer } from './intake.ts';
import { LongRequests, type LongTurn } from './long-requests.ts';
import { MetricsAnswers } from './metrics-answer.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { Repeats } from './repeats.ts';
import { createRepeatsStore, type OpenStateFile, type RepeatsStore } from './repeats-store.ts';
import type { SamplesIntake, SamplesShare } from './samples-share.ts';
import { SplitRequests } from './split-requests.ts';
import { total } from './totals.ts';
import type { Fate } from './traffic-books.ts';
import { TrafficJudge } from './traffic-judge.ts';
import { TrafficOffer } from './traffic-offer.ts';
import type { Share } from './traffic-share.ts';
import { createTrafficEvents, type TrafficEvents } from './traffic-telemetry.ts';

/** What requests hear that come while this Weir ends. */
const STOPPING: Extract<Admission, { ok: false }> = { ok: false, reason: 'stopping', retryAfterMs: 1000 };

/** A request that was handed on, or one whose answer is known; null for one that has to wait for another first. */
type Applied =
  | { readonly samples: SamplesShare | null; readonly fates: Promise<readonly Fate[]> }
  | IntakeAnswer
  | null;

/** A request on its way. */
interface Request {
  readonly body: Uint8Array;
  readonly decoded: DecodedTraffic;
  /** The turn it has to wait for once it is known to be long, and long ones that it waits for. */
  long: LongTurn | null;
  waits: readonly Promise<unknown>[];
}

export function createMetricsIntake(
  settings: ReceiverSettings<OtlpConfig>,
  turns: Turns,
  samples: SamplesIntake | null = null,
  openFile: OpenStateFile = stateFile,
): Intake {
  return new MetricsIntake(settings, turns, samples, openFile);
}

class MetricsIntake implements Intake {
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #turns: Turns;
  readonly #samples: SamplesIntake | null;
  readonly #memory: TrafficMemory;
  readonly #judge: TrafficJudge;
  readonly #traffic: TrafficOffer;
  readonly #answers: MetricsAnswers;
  readonly #store: RepeatsStore | null;
  readonly #events: TrafficEvents;
  readonly #alone = new OneAtATime();
  readonly #long = new LongRequests();
  /** The request that is alone and the long one, once some of them may have been handed on. */
  readonly #applying = new Set<FinishableSteps<Applied>>();
  #isStopped = false;

  constructor(
    settings: ReceiverSettings<OtlpConfig>,
    turns: Turns,
    samples: SamplesIntake | null,
    openFile: OpenStateFile,
  ) {
    const { traffic } = settings.config;
    this.#settings = settings;
    this.#turns = turns;
    this.#samples = samples;
    this.#memory = new TrafficMemory(traffic.max_cached_items);
    const limits = { window: traffic.repeat_window, maxEpochs: traffic.max_epochs, maxSources: traffic.max_sources };
    const repeats = new Repeats(limits, () => settings.clock.monoMs());
    const splits = new SplitRequests(traffic.max_split_points, (request) => {
      repeats.lose(request);
      this.#events.unfinished(request.source);
    });
    const { max_foreign_names: maxForeignNames } = traffic;
    this.#judge = new TrafficJudge(repeats, splits, this.#memory);
    this.#store = createRepeatsStore(settings, { repeats, splits }, openFile);
    this.#events = createTrafficEvents(settings, { repeats, splits, memory: this.#memory, maxForeignNames });
    const { next, balanceOf } = settings;
    this.#traffic = new TrafficOffer({ next, balance: balanceOf('traffic'), repeats, events: this.#events });
    this.#answers = new MetricsAnswers(balanceOf('samples'), this.#events);
  }

  async take(body: Uint8Array): Promise<IntakeAnswer> {
    const { decoded, applied } = await this.#read(body);
    if ('kind' in applied) return applied;
    return this.#answers.answerTo(decoded, applied.samples, await applied.fates);
  }

  /** Nothing that is read or handed on refers to the body, so that it need not lie until garbage is collected. */
  async #read(body: Uint8Array): Promise<{ readonly decoded: DecodedTraffic; readonly applied: NonNullable<Applied> }> {
    const { max_items_per_request: maxItems, max_nesting_depth: maxDepth } = this.#settings.config;
    try {
      await this.#turns.run(countDataPointsInSteps(body, maxItems));
      const decoded = await this.#turns.run(decodeTrafficInSteps(body, { memory: this.#memory, maxDepth }));
      return { decoded, applied: await this.#applied(body, decoded) };
    } finally {
      freeWhole(body);
    }
  }

  async start(): Promise<void> {
    await this.#store?.load();
  }

  /** What was accepted is handed on to the end; what was not is told to come again. */
  async stop(): Promise<void> {
    const applying = [...this.#applying];
    this.#isStopped = true;
    for (const steps of applying) steps.finish();
    this.#samples?.stop();
    if (applying.length > 0) await this.#decidedSoon();
    await this.#store?.save();
    this.#events.end();
  }

  /** Lets those hear of it who are told at once what became of what was handed on. */
  async #decidedSoon(): Promise<void> {
    const soon = new Promise<void>((resolve) => void this.#settings.clock.after(0, resolve));
    await Promise.race([this.#traffic.decided(), soon]);
  }

  async #applied(body: Uint8Array, decoded: DecodedTraffic): Promise<NonNullable<Applied>> {
    const request: Request = { body, decoded, long: null, waits: [] };
    try {
      for (;;) {
        // Waiting alone would keep others waiting, who have nothing to do with it.
        await Promise.all([...this.#traffic.waits(decoded), ...request.waits, request.long?.turn]);
        const applied = await this.#alone.run((letGo) => this.#applyAlone(request, letGo));
        if (applied !== null) return applied;
      }
    } finally {
      request.long?.end();
    }
  }

  #applyAlone(request: Request, letGo: () => void): Promise<Applied> {
    const steps: FinishableSteps<Applied> = new FinishableSteps(
      this.#apply(request, () => void this.#applying.add(steps), letGo),
    );
    return this.#turns.run(steps).finally(() => this.#applying.delete(steps));
  }

  /** Nothing is applied before `begin` is called; from then on all of it is. */
  *#apply(request: Request, begin: () => void, letGo: () => void): InSteps<Applied> {
    const { body, decoded } = request;
    if (this.#traffic.waits(decoded).length > 0) return null;
    const samples = yield* this.#samplesOf(body, decoded);
    if (samples !== null && !this.#hasTurn(request, samples)) return null;
    const shares = yield* this.#judge.sharesOf(body, decoded);
    const admission = yield* this.#admission(shares, samples);
    if (!admission.ok) {
      this.#traffic.refuse(shares);
      return { kind: 'retry', reason: admission.reason, afterMs: admission.retryAfterMs };
    }
    begin();
    const fates = yield* this.#traffic.offer(shares);
    if (samples === null) return { samples, fates };
    yield* samples.settleLate();
    const offer = samples.offer(request.long !== null);
    if (request.long !== null) letGo();
    const outcome = yield* offer;
    // Those that are rejected have an answer of their own, whatever becomes of the others.
    const points = total(samples.points.values()) - samples.rejected.points;
    return { samples, fates: withSamples(fates, outcome, points) };
  }

  /** Whether samples may be offered now; else it is noted what the request has to wait for. */
  #hasTurn(request: Request, samples: SamplesShare): boolean {
    if (request.long !== null) return true;
    request.waits = this.#long.waits(samples.whose());
    if (request.waits.length > 0) return false;
    if (!samples.isLong) return true;
    request.long = this.#long.claim(samples.whose());
    return request.long.hasTurn;
  }

  /** Where all is traffic, nothing is read a second time. */
  *#samplesOf(body: Uint8Array, { foreign }: DecodedTraffic): InSteps<SamplesShare | null> {
    if (this.#samples === null || foreign.points === 0) return null;
    return yield* this.#samples.read(body, foreign.names);
  }

  *#admission(shares: readonly Share[], samples: SamplesShare | null): InSteps<Admission> {
    const ofTraffic = yield* this.#traffic.admission(shares);
    if (this.#isStopped) return STOPPING;
    return ofTraffic.ok ? (samples?.admits() ?? ofTraffic) : ofTraffic;
  }
}

async function withSamples(fates: Promise<Fate[]>, outcome: Promise<Outcome>, points: number): Promise<Fate[]> {
  const [ofTraffic, ofSamples] = await Promise.all([fates, outcome]);
  return [...ofTraffic, { outcome: ofSamples, points }];
}
