/**
 * @module What an error of the Kafka client means for the one who sends.
 *
 * Source of names and codes: `tulios/kafkajs` 2.2.4, `src/errors.js` and `src/protocol/error.js`; protocol codes from
 * the Kafka protocol guide, "Error Codes".
 */

/**
 * `transient`: try again. `topic_missing`, `configuration`: try again, but somebody has to mend something first.
 * `too_large`: smaller batches may pass. `refused`: never accepted; a batch may hold good messages beside the bad one.
 */
export type KafkaVerdict = 'transient' | 'topic_missing' | 'configuration' | 'too_large' | 'refused';

/** The only error `pipeline/net/kafka.ts` rejects with. `reason` is a constant word for metrics. */
export class KafkaFault extends Error {
  override readonly name = 'KafkaFault';
  readonly verdict: KafkaVerdict;
  readonly reason: string;

  constructor(verdict: KafkaVerdict, reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.verdict = verdict;
    this.reason = reason;
  }
}

const BY_CODE = new Map<number, readonly [KafkaVerdict, string]>([
  [3, ['topic_missing', 'topic_missing']],
  [10, ['too_large', 'too_large']],
  [18, ['too_large', 'too_large']],
  [17, ['configuration', 'invalid_topic']],
  [29, ['configuration', 'topic_authorization']],
  [31, ['configuration', 'cluster_authorization']],
  [32, ['refused', 'invalid_timestamp']],
  [33, ['configuration', 'unsupported_sasl']],
  [34, ['configuration', 'unsupported_sasl']],
  [35, ['configuration', 'unsupported_version']],
  [44, ['refused', 'policy_violation']],
  // The broker has lost or never had this producer's sequence; a new producer object gets a new one.
  [45, ['transient', 'producer_state']],
  [46, ['transient', 'producer_state']],
  [47, ['transient', 'producer_state']],
  [58, ['configuration', 'authentication']],
  [59, ['transient', 'producer_state']],
  [76, ['refused', 'unsupported_compression']],
  [87, ['refused', 'invalid_record']],
]);

const BY_NAME = new Map<string, readonly [KafkaVerdict, string]>([
  ['KafkaJSSASLAuthenticationError', ['configuration', 'authentication']],
  ['KafkaJSServerDoesNotSupportApiKey', ['configuration', 'unsupported_version']],
  ['KafkaJSConnectionError', ['transient', 'not_connected']],
  ['KafkaJSConnectionClosedError', ['transient', 'not_connected']],
  ['KafkaJSBrokerNotFound', ['transient', 'not_connected']],
  ['KafkaJSNoBrokerAvailableError', ['transient', 'not_connected']],
  ['KafkaJSRequestTimeoutError', ['transient', 'timeout']],
  ['KafkaJSTimeout', ['transient', 'timeout']],
  ['KafkaJSLockTimeout', ['transient', 'timeout']],
  ['TypeError', ['refused', 'invalid_message']],
]);

/** Meaning of whatever the client threw. What is not known counts as transient: it is kept, never lost. */
export function kafkaFault(error: unknown): KafkaFault {
  if (error instanceof KafkaFault) return error;
  const chain = [...causes(error)];
  for (const link of chain.toReversed()) {
    const known = BY_CODE.get(protocolCode(link)) ?? BY_NAME.get(link.name);
    if (known !== undefined) return new KafkaFault(known[0], known[1], link.message, error);
  }
  const innermost = chain.at(-1);
  return new KafkaFault('transient', 'unknown_error', innermost?.message ?? String(error), error);
}

/** The error and its causes, outermost first; a cycle ends it. */
function* causes(error: unknown): Generator<Error> {
  const seen = new Set<Error>();
  for (let link = error; link instanceof Error && !seen.has(link); link = link.cause) {
    seen.add(link);
    yield link;
  }
}

/** The protocol's number; errors of Node carry texts there. */
function protocolCode(error: Error): number {
  return 'code' in error && typeof error.code === 'number' ? error.code : -1;
}
