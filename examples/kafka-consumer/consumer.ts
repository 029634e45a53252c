/**
 * @module Reads Weir's traffic from Kafka and prints each edge once: an example that knows the published schema only.
 *
 * npm run example:consumer -- --brokers 127.0.0.1:9092
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import ajv2020 from 'ajv/dist/2020.js';
import kafkajs from 'kafkajs';

const USAGE = `usage: npm run example:consumer -- [options]

  --brokers HOST:PORT,…  brokers to find the cluster by (default 127.0.0.1:9092)
  --topic NAME           topic, which must exist (default smi_traffic)
  --group NAME           consumer group; where it stopped it goes on (default weir-example)
  --json                 whole messages, one a line
  --help                 this text
`;

interface Options {
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  readonly json: boolean;
}

/** The options, or the exit code when `--help` or what is no option was told of. */
function optionsOf(args: string[]): Options | number {
  try {
    const { values } = parseArgs({
      args,
      options: {
        brokers: { type: 'string', default: '127.0.0.1:9092' },
        topic: { type: 'string', default: 'smi_traffic' },
        group: { type: 'string', default: 'weir-example' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (!values.help) return values;
    process.stdout.write(USAGE);
    return 0;
  } catch (error) {
    console.error(`${firstSentence(error)}; --help lists the options`);
    return 2;
  }
}

function firstSentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(/\.(?:\s|$)|\n/, 1)[0] ?? text;
}

const schemaFile = new URL('../../schema/traffic-metrics.schema.json', import.meta.url);
const ajv = new ajv2020.Ajv2020({ strict: true, allowUnionTypes: true });
const isTrafficMetrics = ajv.compile<Message>(JSON.parse(readFileSync(schemaFile, 'utf8')));

/** What this example uses of a message. */
interface Message {
  readonly window: string;
  readonly resource: { readonly namespace: string; readonly name: string };
  readonly edge: {
    readonly direction: string;
    readonly resource: { readonly namespace?: string; readonly name?: string };
  };
  readonly metrics: readonly { readonly name: string; readonly value: string }[];
  readonly 'x-weir': {
    readonly record: 'total' | 'edge';
    readonly source: string;
    readonly epoch: string;
    readonly seq: number;
    readonly windowStart: string;
    readonly ratePerSecond: number | null;
  };
}

/** Highest number seen, by partition and sender. Numbers rise within a partition, so one is enough to know repeats. */
const lastSeq = new Map<string, number>();

function isRepeat(partition: number, { 'x-weir': { source, epoch, seq } }: Message): boolean {
  const sender = JSON.stringify([partition, source, epoch]);
  if (seq <= (lastSeq.get(sender) ?? -1)) return true;
  lastSeq.set(sender, seq);
  return false;
}

const UNIT = new Map([
  ['m', 1e-3],
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
]);

/** Value of a Kubernetes quantity: 1500m is 1.5, 2k is 2000. */
function quantityOf(message: Message, name: string): number {
  const text = message.metrics.find((metric) => metric.name === name)?.value ?? '0';
  const [, digits = '0', unit = ''] = /^([0-9]+)([mkMG]?)$/.exec(text) ?? [];
  return Number(digits) * (UNIT.get(unit) ?? 1);
}

function lineOf(message: Message): string {
  const { window, resource, edge, 'x-weir': weir } = message;
  const [successes, failures] = [quantityOf(message, 'success_count'), quantityOf(message, 'failure_count')];
  const other = edge.resource.name === undefined ? '(unknown)' : `${edge.resource.namespace}/${edge.resource.name}`;
  const arrow = edge.direction === 'to' ? '->' : '<-';
  const percent = ((successes / (successes + failures)) * 100).toFixed(2);
  const rate = weir.ratePerSecond === null ? '-' : `${weir.ratePerSecond.toFixed(2)}/s`;
  const p99 = `${Number(quantityOf(message, 'p99_response_latency').toPrecision(3))}ms`;
  return `${weir.windowStart} +${window} ${resource.namespace}/${resource.name} ${arrow} ${other} ${percent}% ${rate} p99=${p99}`;
}

function take(partition: number, value: Buffer | null, asJson: boolean): void {
  const message: unknown = JSON.parse(value?.toString() ?? 'null');
  if (!isTrafficMetrics(message)) {
    console.error(`not a TrafficMetrics message: ${ajv.errorsText(isTrafficMetrics.errors)}`);
    return;
  }
  if (isRepeat(partition, message) || message['x-weir'].record !== 'edge') return;
  // JSON text has no control characters, so that no name can move the cursor.
  console.log(asJson ? JSON.stringify(message) : JSON.stringify(lineOf(message)).slice(1, -1));
}

/** One line of what failed and how to mend it. */
function mendFor(error: unknown, options: Options): string {
  const types = [error, error instanceof Error ? error.cause : null].map((one) => Object(one).type);
  if (types.includes('UNKNOWN_TOPIC_OR_PARTITION')) {
    const create = `kafka-topics.sh --bootstrap-server ${options.brokers} --create --topic ${options.topic} --partitions 12`;
    return `topic ${options.topic} does not exist at ${options.brokers}; create it: ${create}`;
  }
  if (Object(error).name === 'KafkaJSNonRetriableError') return `${firstSentence(error)}; --help lists the options`;
  return `no answer from ${options.brokers} (${firstSentence(error)}); start a broker there, or name another with --brokers`;
}

/** Reads until a signal ends it, or nothing can be read. */
async function consume(options: Options): Promise<void> {
  let ending = false;
  const kafka = new kafkajs.Kafka({
    clientId: 'weir-example',
    brokers: options.brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    // Brokers that are away are waited for; kafkajs starts the consumer again by itself, unless it was told to end.
    retry: { initialRetryTime: 200, maxRetryTime: 1000, retries: 10, restartOnFailure: async () => !ending },
  });
  const consumer = kafka.consumer({ groupId: options.group, maxWaitTimeInMs: 250, allowAutoTopicCreation: false });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      ending = true;
      void consumer.disconnect();
    });
  }
  // A restart that was under way when the signal came connects once more.
  consumer.on(consumer.events.CONNECT, () => {
    if (ending) void consumer.disconnect();
  });

  consumer.on(consumer.events.GROUP_JOIN, () => {
    console.error(`joined group ${options.group}, waiting for messages of topic ${options.topic} …`);
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message: { value } }) => {
        try {
          take(partition, value, options.json);
        } catch (error) {
          console.error(`not JSON: ${String(error)}`);
        }
      },
    });
  } catch (error) {
    console.error(mendFor(error, options));
    process.exitCode = 1;
    await consumer.disconnect().catch(() => {});
  }
}

const options = optionsOf(process.argv.slice(2));
if (typeof options === 'number') process.exitCode = options;
else await consume(options);
