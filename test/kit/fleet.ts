/**
 * @module Several Weirs in one process under one clock that a test moves, joined by real loopback sockets: each is as
 * `weir run` has it, but for the clock, one more exporter, `capture`, and a network between them that the test may break.
 */
import type { OtlpHttpConfig } from '../../exporters/otlp/config.ts';
import { factory as otlpHttp } from '../../exporters/otlp/factory.ts';
import { createOtlpHttpExporter } from '../../exporters/otlp/otlphttp.ts';
import type { AnyFactory, ExporterFactory, Kind, ReceiverFactory } from '../../pipeline/component.ts';
import { loadConfig } from '../../pipeline/config/load.ts';
import { renderProblems } from '../../pipeline/config/print.ts';
import { type HostedService, hostService } from '../../pipeline/graph/host.ts';
import { registry } from '../../pipeline/graph/registry.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { type CreateHttpPoster, createHttpPoster, type PostResult } from '../../pipeline/net/http-post.ts';
import { type StateFile, stateFile } from '../../pipeline/net/state-file.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { OtlpConfig } from '../../receivers/otlp/config.ts';
import { factory as otlp } from '../../receivers/otlp/factory.ts';
import { createOtlpReceiver } from '../../receivers/otlp/otlp.ts';
import type { OpenStateFile } from '../../receivers/otlp/repeats-store.ts';
import { loadTables } from '../../receivers/otlp/samples-intake.ts';
import { captureExporter, type Reads, total, watchedReceiver } from './capture.ts';
import { createTestClock, type TestClock } from './clock.ts';
import { answered, failed } from './posts.ts';
import { splitRequest } from './split-request.ts';

/**
 * What becomes of one POST: it arrives, it arrives and its answer is lost, something between splits it and only the first
 * half arrives, or nothing does; swallowed: neither does it, and its sender is told that it has.
 */
export type Fate = 'arrives' | 'answer lost' | 'half arrives' | 'never arrives' | 'swallowed';

export interface FleetOptions {
  readonly startWallMs: number;
  /** Asked for each POST of a member. */
  fateOf(member: string): Fate;
  /** Scrapes that hang on purpose now. */
  hanging(): number;
  /** Called before anything may ask for the time: the clock stands at `wallMs` from now on. */
  onTime(wallMs: number): void;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** One life of one Weir. */
export interface Member {
  readonly name: string;
  readonly service: HostedService;
  /** Sums that its `capture` exporter was handed, in order. */
  readonly sums: TrafficSum[];
  readonly log: LogLine[];
}

export class Fleet {
  readonly clock: TestClock;
  readonly #options: FleetOptions;
  /** Scrapes of all members that run. */
  readonly #running: Reads = new Set();
  #posts = 0;
  /** Readings and writings of files that run. */
  #files = 0;
  /** POSTs by what became of them. */
  readonly fates = new Map<Fate, number>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.clock = createTestClock(options.startWallMs);
    options.onTime(options.startWallMs);
  }

  /** Starts a Weir and waits until its first scrapes are done. */
  async start(name: string, config: string): Promise<Member> {
    const sums: TrafficSum[] = [];
    const log: LogLine[] = [];
    const own = this.#registryFor(name, sums);
    const loaded = await loadConfig(['config.yaml'], { env: {}, registry: own, read: async () => config });
    if (loaded.config === null) throw new Error(renderProblems(loaded.problems));
    const logs = { ...loaded.config.telemetry.logs, encoding: 'json' as const };
    const service = await hostService(
      { ...loaded.config, telemetry: { ...loaded.config.telemetry, logs } },
      { clock: this.clock, writeLog: (line) => void log.push(JSON.parse(line)) },
    );
    const member: Member = { name, service, sums, log };
    await this.settle();
    return member;
  }

  /** Stops a Weir as SIGTERM does, moving the clock on until it has drained. */
  async stop(member: Member): Promise<void> {
    let ended = false;
    const stopping = member.service.stop(30_000).finally(() => {
      ended = true;
    });
    await this.settle();
    for (let i = 0; !ended && i < 1000; i++) await this.advance(100);
    await stopping;
  }

  /** Moves the clock by `ms`, timer by timer; after each, everything that runs has ended. */
  async advance(ms: number): Promise<void> {
    const { clock } = this;
    const untilMs = clock.monoMs() + ms;
    for (let next = clock.nextTimerMs; next !== null && next <= untilMs; next = clock.nextTimerMs) {
      this.#options.onTime(clock.wallMs() + Math.max(0, next - clock.monoMs()));
      clock.fireNext();
      await this.settle();
    }
    this.#options.onTime(clock.wallMs() + untilMs - clock.monoMs());
    clock.advance(untilMs - clock.monoMs());
  }

  /** Waits until no scrape, no POST and no work on a file runs, but for scrapes that hang on purpose. The clock stands still. */
  async settle(): Promise<void> {
    // Equal a few times: what has just ended leads to something else in a moment, and goes through the system's sockets.
    for (let equal = 0; equal < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      equal = this.#posts + this.#files === 0 && total(this.#running) === this.#options.hanging() ? equal + 1 : 0;
    }
  }

  /** The real components, but that POSTs go through this fleet's network, and with `capture`. */
  #registryFor(name: string, sums: TrafficSum[]): Registry {
    const others = new Map<string, AnyFactory>([
      ['capture', captureExporter((sum) => sums.push(sum))],
      ['otlphttp', this.#otlpHttpOf(name)],
    ]);
    return {
      types: (kind: Kind) => (kind === 'exporter' ? [...registry.types(kind), 'capture'] : registry.types(kind)),
      load: async (kind, type) => {
        if (kind === 'exporter' && others.has(type)) return others.get(type)!;
        const factory = await registry.load(kind, type);
        if (factory?.kind !== 'receiver') return factory;
        const receiver = (type === 'otlp' ? this.#otlpReceiver() : factory) as ReceiverFactory<unknown>;
        return watchedReceiver(receiver, new Map([['weir_scrapes_in_flight', this.#running]]));
      },
    };
  }

  #otlpReceiver(): ReceiverFactory<OtlpConfig> {
    const open: OpenStateFile = (path, maxBytes) => this.#watchedFile(stateFile(path, maxBytes));
    return {
      ...otlp,
      create: async (settings) => createOtlpReceiver(settings, await loadTables(settings), open),
    };
  }

  #watchedFile({ read, remove, check, write, claim, owner, release }: StateFile): StateFile {
    const watched = async <Result>(work: Promise<Result>): Promise<Result> => {
      this.#files += 1;
      return work.finally(() => {
        this.#files -= 1;
      });
    };
    return {
      read: () => watched(read()),
      remove: () => watched(remove()),
      check: () => watched(check()),
      write: (text) => watched(write(text)),
      claim: (life) => watched(claim(life)),
      owner: () => watched(owner()),
      release: (life) => watched(release(life)),
    };
  }

  #otlpHttpOf(name: string): ExporterFactory<OtlpHttpConfig> {
    return { ...otlpHttp, create: async (settings) => createOtlpHttpExporter(settings, this.#posterOf(name)) };
  }

  #posterOf(name: string): CreateHttpPoster {
    return (options) => {
      const real = createHttpPoster(options);
      return {
        check: () => real.check(),
        close: () => real.close(),
        post: async (headers, body) => {
          this.#posts += 1;
          const result = await this.#travel(name, (isHalf) =>
            real.post(headers, isHalf ? splitRequest(body)[0] : body),
          );
          this.#posts -= 1;
          return result;
        },
      };
    };
  }

  async #travel(name: string, post: (isHalf: boolean) => Promise<PostResult>): Promise<PostResult> {
    const fate = this.#options.fateOf(name);
    this.fates.set(fate, (this.fates.get(fate) ?? 0) + 1);
    if (fate === 'never arrives') return failed('connect', 'the network is cut');
    if (fate === 'swallowed') return SUCCESS;
    const result = await post(fate === 'half arrives');
    if (fate === 'arrives') return result;
    return failed('timeout', 'the answer was lost');
  }
}

const SUCCESS = answered(200, { headers: new Map([['content-type', 'application/x-protobuf']]) });
