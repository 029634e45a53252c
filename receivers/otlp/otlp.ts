/** @module The `otlp` receiver: its servers, and what becomes of the requests they take. */
import { Turns } from '../../pipeline/clock/turns.ts';
import type { Receiver, ReceiverSettings, Signal, TargetLists, TargetStatus } from '../../pipeline/component.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import type { IngestForm } from '../../pipeline/net/http-requests.ts';
import type { IngestResult, IngestServer } from '../../pipeline/net/ingest.ts';
import { startGrpcIngest } from '../../pipeline/net/ingest-grpc.ts';
import { startHttpIngest } from '../../pipeline/net/ingest-http.ts';
import { readListenerFiles } from '../../pipeline/net/listener-files.ts';
import { ReceivingRoom } from '../../pipeline/net/receiving-room.ts';
import { stateFile } from '../../pipeline/net/state-file.ts';
import { MetricsRequest, TraceRequest } from '../../pipeline/wire/otlp-spans.ts';
import { type AnswerForm, jsonAnswers, PROTO_ANSWERS, resultOf } from './answers.ts';
import type { OtlpConfig } from './config.ts';
import type { Intake } from './intake.ts';
import { createJsonReading, type JsonReading } from './json-requests.ts';
import { createMetricsIntake } from './metrics-intake.ts';
import { asGrpc, refusedFor, wrongSignal } from './refusals.ts';
import type { OpenStateFile } from './repeats-store.ts';
import { type CollectorSamples, createSamplesIntake } from './samples-intake.ts';
import { createSpansIntake } from './spans-intake.ts';
import { createOtlpEvents, type OtlpEvents } from './telemetry.ts';
import { beginningOf, ITEMS_OF, jsonSignal, type OtlpSignal, protobufSignal } from './wrong-signal.ts';

const MIB = 1024 * 1024;

/** One signal as it is served. */
interface Service {
  readonly signal: Signal;
  readonly intake: Intake;
  readonly httpPath: (config: NonNullable<OtlpConfig['protocols']['http']>) => string;
  readonly grpcPath: string;
  readonly json: AnswerForm;
  readonly readJson: JsonReading;
}

/** `tables` are those of the meshes whose families a Collector may send; `openFile` opens `repeats_file`. */
export function createOtlpReceiver(
  settings: ReceiverSettings<OtlpConfig>,
  tables: readonly MeshRules[] = [],
  openFile: OpenStateFile = stateFile,
): Receiver & TargetLists {
  return new OtlpReceiver(settings, tables, openFile);
}

class OtlpReceiver implements Receiver, TargetLists {
  readonly scrapeIntervalMs: number;
  readonly scrapeTimeoutMs: number;
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #room: ReceivingRoom;
  readonly #events: OtlpEvents;
  readonly #services: readonly Service[];
  readonly #samples: CollectorSamples | null;
  #servers: IngestServer[] = [];
  #stopped: Promise<void> | null = null;

  constructor(settings: ReceiverSettings<OtlpConfig>, tables: readonly MeshRules[], openFile: OpenStateFile) {
    const { config, signals } = settings;
    this.#settings = settings;
    this.scrapeIntervalMs = config.scrape_interval;
    this.scrapeTimeoutMs = config.scrape_interval;
    this.#room = new ReceivingRoom(config.max_receiving_size);
    this.#events = createOtlpEvents(settings, this.#room);
    const limits = { maxItems: config.max_items_per_request, maxDepth: config.max_nesting_depth };
    const turns = new Turns(settings.clock);
    const services: Service[] = [];
    if (signals.has('traces')) {
      const readJson = createJsonReading(TraceRequest, limits, { turns, room: this.#room });
      services.push(tracesService(createSpansIntake({ settings, limits, turns, events: this.#events }), readJson));
    }
    this.#samples = signals.has('metrics') ? createSamplesIntake(settings, tables) : null;
    if (signals.has('metrics')) {
      const readJson = createJsonReading(MetricsRequest, limits, { turns, room: this.#room });
      services.push(metricsService(createMetricsIntake(settings, turns, this.#samples, openFile), readJson));
    }
    this.#services = services;
  }

  async start(): Promise<void> {
    const { grpc, http } = this.#settings.config.protocols;
    try {
      await this.#checkFiles();
      for (const { intake } of this.#services) await intake.start?.();
      if (grpc !== undefined) this.#listening('grpc', await this.#startGrpc(grpc));
      if (http !== undefined) this.#listening('http', await this.#startHttp(http));
    } catch (error) {
      await this.stop(AbortSignal.abort());
      throw error;
    }
  }

  /** Those of all ports before any is opened, so that nobody connects to a Weir that cannot start. */
  async #checkFiles(): Promise<void> {
    const { id, clock, config } = this.#settings;
    for (const protocol of ['grpc', 'http'] as const) {
      const listener = config.protocols[protocol];
      if (listener === undefined) continue;
      const key = `receivers.${id}.protocols.${protocol}.endpoint`;
      (await readListenerFiles({ key, config: listener, clock })).close();
    }
  }

  targets(): readonly TargetStatus[] {
    return this.#samples?.targets() ?? [];
  }

  #listening(protocol: 'grpc' | 'http', server: IngestServer): void {
    this.#servers.push(server);
    this.#events.listening(protocol, server.host, server.port);
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline);
    return this.#stopped;
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close(deadline)));
    await Promise.all(this.#services.map(({ intake }) => intake.stop()));
    this.#events.end();
  }

  #startGrpc(config: NonNullable<OtlpConfig['protocols']['grpc']>): Promise<IngestServer> {
    const { id, clock } = this.#settings;
    const path = ({ grpcPath }: Service) => grpcPath;
    const methods = byPath(
      this.#services,
      path,
      (service) => async (message: Uint8Array) => asGrpc(await this.#take(service, message, PROTO_ANSWERS)),
    );
    const signals = byPath(this.#services, path, ({ signal }) => signal);
    return startGrpcIngest({
      key: `receivers.${id}.protocols.grpc.endpoint`,
      config,
      clock,
      room: this.#room,
      maxMessageBytes: config.max_recv_msg_size_mib * MIB,
      methods,
      otherPort: () => this.#events.portOf('http'),
      events: this.#events.server('grpc', signals),
    });
  }

  #startHttp(config: NonNullable<OtlpConfig['protocols']['http']>): Promise<IngestServer> {
    const { id, clock } = this.#settings;
    const path = (service: Service) => service.httpPath(config);
    const routes = byPath(this.#services, path, (service) => this.#forms(service));
    const signals = byPath(this.#services, path, ({ signal }) => signal);
    return startHttpIngest({
      key: `receivers.${id}.protocols.http.endpoint`,
      config,
      cors: config.cors ?? null,
      clock,
      room: this.#room,
      maxBodyBytes: config.max_request_body_size,
      routes,
      otherPort: () => this.#events.portOf('grpc'),
      unserved: new Map([
        ['/v1/logs', 'logs are not taken here, only traces and metrics'],
        [config.traces_url_path, 'no pipeline takes spans here'],
        [config.metrics_url_path, 'no pipeline takes metrics here'],
      ]),
      events: this.#events.server('http', signals),
    });
  }

  #forms(service: Service): Map<string, IngestForm> {
    const form = (answers: AnswerForm, read?: JsonReading): IngestForm => ({
      contentType: answers.contentType,
      take: (body, letGo) =>
        this.#take(service, body, answers, read === undefined ? undefined : (json) => read(json, letGo)),
      refusalBody: (refusal) => answers.refusal(refusal),
    });
    return new Map([
      [PROTO_ANSWERS.contentType, form(PROTO_ANSWERS)],
      [service.json.contentType, form(service.json, service.readJson)],
    ]);
  }

  /** An empty request is a success that reaches no pipeline. */
  async #take(service: Service, body: Uint8Array, answers: AnswerForm, read?: JsonReading): Promise<IngestResult> {
    let release = () => {};
    const start = read === undefined ? null : beginningOf(body);
    const hint = read === undefined ? this.#hintOf(service, body) : '';
    try {
      let message = body;
      if (read !== undefined) ({ bytes: message, release } = await read(body));
      if (message.length === 0) return this.#empty(service, answers, start);
      return resultOf(await service.intake.take(message), answers);
    } catch (error) {
      const refused = refusedFor(error, hint);
      if (refused === null) throw error;
      return refused;
    } finally {
      release();
    }
  }

  /** Of a request in JSON that is empty for us `start` says what was there. */
  #empty({ signal }: Service, answers: AnswerForm, start: Uint8Array | null): IngestResult {
    const found = start === null ? 'nothing' : jsonSignal(start, signal);
    if (found === 'unknown') this.#events.nothingKnown(signal);
    else if (found !== 'nothing' && found !== signal)
      return wrongSignal(
        `this path takes ${ITEMS_OF[signal]}, and these are ${ITEMS_OF[found]}: ${this.#placeOf(found)}`,
      );
    return { body: answers.success(0, '') };
  }

  /** What protobuf that cannot be read may be; '' for what looks right. */
  #hintOf({ signal }: Service, body: Uint8Array): string {
    if (body[0] === OPENING_BRACE) return 'this looks like JSON: set content-type: application/json';
    const found = protobufSignal(body);
    if (found === null || found === signal) return '';
    return `this looks like ${ITEMS_OF[found]}: ${this.#placeOf(found)}`;
  }

  #placeOf(signal: OtlpSignal): string {
    const { http } = this.#settings.config.protocols;
    if (signal !== 'traces' && signal !== 'metrics') return ONLY_TWO;
    const service = this.#services.find((one) => one.signal === signal);
    if (service === undefined) return `no pipeline takes ${ITEMS_OF[signal]} here`;
    return `they go to ${http === undefined ? service.grpcPath : service.httpPath(http)}`;
  }
}

/** Throws where two services have one path: the later would take what is sent to the other. */
function byPath<Value>(
  services: readonly Service[],
  pathOf: (service: Service) => string,
  served: (service: Service) => Value,
): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const service of services) {
    const path = pathOf(service);
    if (values.has(path)) throw new Error(`two signals are to be taken at ${path}, ${service.signal} being the second`);
    values.set(path, served(service));
  }
  return values;
}

const ONLY_TWO = 'only spans and metrics are taken here';

/** In protobuf the begin of a group, which OTLP has none of. */
const OPENING_BRACE = 0x7b;

function tracesService(intake: Intake, readJson: JsonReading): Service {
  return {
    signal: 'traces',
    intake,
    httpPath: ({ traces_url_path: path }) => path,
    grpcPath: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    json: jsonAnswers('rejectedSpans'),
    readJson,
  };
}

function metricsService(intake: Intake, readJson: JsonReading): Service {
  return {
    signal: 'metrics',
    intake,
    httpPath: ({ metrics_url_path: path }) => path,
    grpcPath: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    json: jsonAnswers('rejectedDataPoints'),
    readJson,
  };
}
