/** @module The example consumer as a child process: what it printed, as messages. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseMessage, type TrafficMessage } from './schema.ts';

const SCRIPT = fileURLToPath(new URL('../../examples/kafka-consumer/consumer.ts', import.meta.url));

const STOP_LIMIT_MS = 30_000;

export interface ExampleConsumer {
  /** Edges in the order in which they were printed, repeats dropped by the consumer itself. */
  readonly edges: readonly TrafficMessage[];
  /** Everything it said on standard error, but that it joined. */
  readonly complaints: string;
  /** Ends it with SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `examples/kafka-consumer/consumer.ts --json`. */
export function startExampleConsumer(brokers: string, group: string): ExampleConsumer {
  const child = spawn(process.execPath, [SCRIPT, '--json', '--brokers', brokers, '--group', group], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning' },
  });
  const edges: TrafficMessage[] = [];
  let rest = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    edges.push(...lines.map(parseMessage));
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    complaints += piece;
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return {
    edges,
    get complaints() {
      return complaints.replace(/^joined group .*\n/gm, '');
    },
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      // Five times what leaving the group takes; then the code is null, which no test expects.
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await once(child, 'exit');
      clearTimeout(late);
      return child.exitCode;
    },
  };
}
