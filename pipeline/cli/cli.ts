/** @module The commands and their flags. Each command's own file is loaded only when it runs. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { errorText, WeirError } from '../errors.ts';
import type { ComponentsOptions } from './components.ts';
import { type CliContext, EXIT, UsageError } from './context.ts';
import type { DropsOptions } from './drops.ts';
import type { ExplainOptions } from './explain.ts';
import type { QueryOptions } from './query.ts';
import type { RunOptions } from './run.ts';
import { terminalText } from './text.ts';
import type { ValidateOptions } from './validate.ts';

/** Runs one command line (without the program's name) and resolves with the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(context, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return tell(error, context);
  }
}

function tell(error: unknown, context: CliContext): number {
  // Commander has printed already: help and version end with 0, everything else is a mistake in the arguments.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) {
    context.err(`weir: ${terminalText(error.message)}\n`);
    return EXIT.usage;
  }
  if (!(error instanceof WeirError)) throw error;
  context.err(`weir: ${terminalText(errorText(error))}\n`);
  return EXIT.failed;
}

type Done = (code: number) => void;

function createProgram(context: CliContext, done: Done): Command {
  const program = new Command('weir')
    .description('A mesh traffic collector: proxies in; SMI TrafficMetrics, OTLP, Prometheus and Kafka out.')
    .version(context.version, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(weir --help lists the commands)')
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .addHelpText(
      'after',
      examples('weir demo', 'weir validate -c config.yaml', 'weir run -c config.yaml', 'weir edges -w'),
    );
  addRun(program, context, done);
  addValidate(program, context, done);
  addComponents(program, context, done);
  addEdges(program, context, done);
  addTargets(program, context, done);
  addExplain(program, context, done);
  addDrops(program, context, done);
  addDemo(program, context, done);
  return program;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples (run it as bin/weir from the checkout):\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function configOption(): Option {
  return new Option('-c, --config <file...>', 'configuration file; of several, later ones win').makeOptionMandatory();
}

function addRun(program: Command, context: CliContext, done: Done): void {
  program
    .command('run')
    .description('start a configuration; SIGTERM or Ctrl-C drains, a second one ends at once')
    .addOption(configOption())
    .option('--drain-timeout <duration>', 'longest time to drain when asked to stop', '25s')
    .addHelpText('after', examples('weir run -c config.yaml', 'weir run -c base.yaml -c production.yaml'))
    .action(async (options: RunOptions) => done(await (await import('./run.ts')).run(options, context)));
}

function addValidate(program: Command, context: CliContext, done: Done): void {
  program
    .command('validate')
    .description('check a configuration and start nothing; exit code 78 when it has errors')
    .addOption(configOption())
    .addOption(outputOption('text'))
    .option('--deny-warnings', 'exit with 3 when there are only warnings')
    .addHelpText(
      'after',
      examples('weir validate -c config.yaml', 'weir validate -c config.yaml -o json --deny-warnings'),
    )
    .action(async (options: ValidateOptions) => done(await (await import('./validate.ts')).validate(options, context)));
}

function addComponents(program: Command, context: CliContext, done: Done): void {
  program
    .command('components')
    .argument('[type]', 'print every key of this type')
    .description('list the components, or the keys of one with their defaults')
    .addOption(outputOption('table'))
    .option('--no-headers', 'leave the header line out')
    .addHelpText('after', examples('weir components', 'weir components linkerd', 'weir components kafka -o json'))
    .action(async (type: string | undefined, options: ComponentsOptions) =>
      done(await (await import('./components.ts')).components(type, options, context)),
    );
}

function addEdges(program: Command, context: CliContext, done: Done): void {
  addQueryOptions(program.command('edges'))
    .description('who talks to whom, how well and how fast, from a running Weir')
    .option('-A, --all-namespaces', 'write every name with its namespace')
    .addHelpText(
      'after',
      `${examples('weir edges', 'weir edges -n emojivoto -w', 'weir edges -o json', 'weir edges --url https://weir.example:8080 --token-file token')}
SUCCESS is never rounded up to 100.00% while something failed. RPS is per second. A time is estimated inside
the bucket of the proxy's histogram that it lies in; >10s means the last, open bucket. "-" means no traffic. "sa:" marks
a service account, for an end of which no workload is known. COUNTS tells whether a retried request counts once (requests) or
each time (attempts). JSON holds the raw numbers, and lo and hi of each bucket.
The last line tells the window that the figures cover.
`,
    )
    .action(async (options: QueryOptions) => done(await (await import('./edges.ts')).edges(options, context)));
}

function addTargets(program: Command, context: CliContext, done: Done): void {
  addQueryOptions(program.command('targets'))
    .argument('[workload]', 'only targets of this workload or pod (web, shop/web) or address')
    .description('what is scraped and how it goes: why is my workload missing?')
    .addHelpText(
      'after',
      examples('weir targets', 'weir targets shop/web', 'weir targets -o json', 'weir targets --watch=5s'),
    )
    .action(async (workload: string | undefined, options: QueryOptions) =>
      done(await (await import('./targets.ts')).targets(workload, options, context)),
    );
}

function addExplain(program: Command, context: CliContext, done: Done): void {
  addQueryOptions(program.command('explain'))
    .argument('<resource>', 'kind/name (deploy/web, pod/web-1, ns/shop), namespace/kind/name, or unknown')
    .argument('[end-or-metric...]', 'for an edge, the end that receives (deploy/api); the metric')
    .description('what stands behind a number: targets, series, rule, slots and arithmetic')
    .option('--window <duration>', 'another window than the usual one, up to the retention')
    .option('--limit <series>', 'series listed at most', '50')
    .addHelpText(
      'after',
      `${examples(
        'weir explain deploy/web -n emojivoto',
        'weir explain deploy/web p99',
        'weir explain deploy/web deploy/api failure_count',
        'weir explain shop/deploy/web pay/deploy/api rate --window 1m',
        'weir explain unknown deploy/web',
        'weir explain pod/web-5d8f success_rate -o json',
      )}
Metrics: success_count, failure_count, unreached_count, success_rate, rate, p50, p90, p99, tcp_opened, tcp_closed,
tcp_read_bytes, tcp_written_bytes; without one all are explained. The slots and the pods listed add up to the number. An
edge may also be written as one word in quotes: 'deploy/web->deploy/api'. Series are shown as they stand on the pages now: a
number is made of their differences from slot to slot.
`,
    )
    .action(async (resource: string, rest: readonly string[], options: ExplainOptions) =>
      done(await (await import('./explain.ts')).explain([resource, ...rest], options, context)),
    );
}

function addDrops(program: Command, context: CliContext, done: Done): void {
  addAnswerOptions(program.command('drops'), '$WEIR_TELEMETRY_URL, or http://127.0.0.1:8888')
    .argument(
      '[component]',
      'only drops of this component (kafka, otlphttp/west, exporter otlphttp) or kind (receiver)',
    )
    .argument('[id]', 'its id, where the first word is its kind')
    .description('what was dropped, where, why and how much: the drop journal of a running Weir')
    .option('--reason <reason>', 'only drops for this reason', notEmpty)
    .option('--since <duration>', 'only what was dropped within this time')
    .option('--json', 'as -o json')
    .addHelpText(
      'after',
      `${examples('weir drops', 'weir drops otlphttp/west --since 10m', 'weir drops --reason rejected', 'weir drops --json', 'weir drops --url http://127.0.0.1:18888')}
Asks the listener of Weir's own metrics (service.telemetry.metrics.address). Drops of one component for one reason with one error
are one line: ITEMS is how many items, TIMES in how many drops. The sample is one of the items, of the last minute before the
last drop. The reasons are those of weir_items_total{outcome="dropped"}, which the items add up to. The journal is in the memory of
that Weir and begins anew with it; with service.telemetry.metrics.level: none it is not shown.
`,
    )
    .action(async (component: string | undefined, id: string | undefined, options: DropsOptions) =>
      done(await (await import('./drops.ts')).drops(component, id, options, context)),
    );
}

function addDemo(program: Command, context: CliContext, done: Done): void {
  program
    .command('demo')
    .argument('[args...]', 'passed on to the demo')
    .description('simulated meshes of 20 workloads through a real pipeline; needs nothing else')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .addHelpText('after', examples('weir demo', 'weir demo --for 20s'))
    .action(async (args: string[]) => done(await (await import('./demo.ts')).demo(args, context)));
}

function addQueryOptions(command: Command): Command {
  return addAnswerOptions(command, '$WEIR_URL, or http://127.0.0.1:8080').option(
    '-n, --namespace <name>',
    'only this namespace',
    notEmpty,
  );
}

/** Options of all who ask a running Weir. */
function addAnswerOptions(command: Command, where: string): Command {
  return command
    .option('--url <url>', `address of the Weir (default: ${where})`)
    .addOption(outputOption('table'))
    .option('-w, --watch [interval]', 'print again every interval (2s)')
    .option('--token-file <file>', 'file with the bearer token')
    .option('--ca-file <file>', 'certificate authorities (PEM) to trust for https')
    .option('--timeout <duration>', 'longest time to wait for an answer', '10s')
    .option('--no-headers', 'leave the header line out')
    .addOption(new Option('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto'));
}

function outputOption(first: 'table' | 'text'): Option {
  return new Option('-o, --output <form>', 'form of the output').choices([first, 'json']).default(first);
}

function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}
