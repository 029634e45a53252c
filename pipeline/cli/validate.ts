/** @module `weir validate`: checks a configuration and starts nothing. */
import type { CheckedConfig } from '../config/checked.ts';
import { loadConfig } from '../config/load.ts';
import { renderProblems } from '../config/print.ts';
import { registry } from '../graph/registry.ts';
import { type CliContext, EXIT } from './context.ts';

export interface ValidateOptions {
  readonly config: readonly string[];
  readonly output: 'text' | 'json';
  readonly denyWarnings?: boolean;
}

/** 0 valid, 78 not, 3 only warnings and `denyWarnings`. JSON goes to `out`, problems as text to `err`. */
export async function validate(options: ValidateOptions, context: CliContext): Promise<number> {
  const { config, problems } = await loadConfig(options.config, { env: context.env, registry });
  if (options.output === 'json') {
    context.out(`${JSON.stringify({ valid: config !== null, problems }, null, 2)}\n`);
  } else {
    context.err(renderProblems(problems));
    if (config !== null) context.out(`${options.config.join(', ')}: valid, ${summary(config)}\n`);
  }
  if (config === null) return EXIT.config;
  return problems.length > 0 && options.denyWarnings === true ? EXIT.warnings : EXIT.ok;
}

function summary(config: CheckedConfig): string {
  return config.pipelines
    .map(({ id, receivers, processors, exporters }) => {
      const names = (list: readonly { readonly id: string }[]) => list.map((one) => one.id).join(', ');
      return `${id}: ${[receivers, processors, exporters]
        .filter((list) => list.length > 0)
        .map(names)
        .join(' → ')}`;
    })
    .join('; ');
}
