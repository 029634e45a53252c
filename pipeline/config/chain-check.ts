/** @module Chains: whether the components of a pipeline carry its signal, and each takes what the one before it gives. */
import type { Body } from '../batch.ts';
import { SIGNALS, type Signal, signalOfBody } from '../component.ts';
import type { Registry } from '../registry.ts';
import { KIND_OF } from './components.ts';
import type { Report } from './report.ts';
import type { Entry } from './tree.ts';
import { type GraphContext, PIPELINES, type Use } from './uses.ts';

/** Reports what does not carry the signal of its pipeline. */
export function checkSignals(entry: Entry, signal: Signal, uses: readonly Use[], report: Report): void {
  for (const use of uses) {
    const { configured, at } = use;
    if (carries(use, signal)) continue;
    const signals = configured.checked?.factory.signals ?? {};
    const carried = SIGNALS.filter((one) => signals[one] !== undefined).join(' and ');
    report.add('WEIR1017', at, {
      message: `${KIND_OF[configured.section]} "${configured.id}" carries ${carried || 'no signal'}, not ${signal}`,
      mend: carried === '' ? 'remove it from the pipeline' : `use it in a pipeline named ${carried}`,
      path: [...PIPELINES, entry.key],
    });
  }
}

/** Uses of one pipeline. */
export interface Chain {
  readonly receivers: readonly Use[];
  readonly processors: readonly Use[];
  readonly exporters: readonly Use[];
}

/** Every neighbour must take what the one before it gives; those that do not carry the signal at all are told of already. */
export async function checkChain(entry: Entry, signal: Signal, chain: Chain, context: GraphContext): Promise<void> {
  const carriers = (uses: readonly Use[]) => uses.filter((use) => carries(use, signal));
  let givers = carriers(chain.receivers);
  for (const taker of carriers(chain.processors)) {
    for (const giver of givers) await checkLink(entry, signal, giver, taker, context);
    givers = [taker];
  }
  for (const taker of carriers(chain.exporters))
    for (const giver of givers) await checkLink(entry, signal, giver, taker, context);
}

/** True also of what has problems of its own. */
function carries({ configured }: Use, signal: Signal): boolean {
  const signals = configured.checked?.factory.signals;
  return signals === undefined || signals[signal] !== undefined;
}

async function checkLink(entry: Entry, signal: Signal, giver: Use, taker: Use, context: GraphContext): Promise<void> {
  const from = giver.configured.checked?.factory;
  const to = taker.configured.checked?.factory;
  if (from === undefined || to === undefined || !('gives' in from) || !('takes' in to)) return;
  if (from.kind === 'processor' && to.kind === 'processor' && to.takesOver === true && to.gives === from.gives) {
    context.report.add('WEIR1018', taker.at, {
      message: `pipeline ${entry.key}: ${name(giver)} gives ${from.gives} already, ${name(taker)} would only delay it`,
      note: 'would take it over once more',
      mend: 'remove one of the two',
      path: [...PIPELINES, entry.key],
    });
    return;
  }
  const given = bodiesGiven(from, signal).find((body) => !to.takes.includes(body));
  if (given === undefined) return;
  const mender = await menderOf(given, to.takes, context.registry);
  const needed = to.takes.join(' or ');
  context.report.add('WEIR1018', taker.at, {
    message: `pipeline ${entry.key}: ${name(giver)} gives ${given}, but ${name(taker)} takes ${needed}`,
    note: `takes ${needed}`,
    mend:
      mender === null
        ? `no processor turns ${given} into ${needed}; use another component`
        : `put the processor ${mender} between them: configure it under processors, and name it in this pipeline`,
    path: [...PIPELINES, entry.key],
  });
}

/** What a component gives into a pipeline of `signal`; a receiver that gives nothing there is told of elsewhere. */
function bodiesGiven(from: { readonly gives: Body | readonly Body[] }, signal: Signal): Body[] {
  return [from.gives].flat().filter((body) => typeof from.gives === 'string' || signalOfBody(body) === signal);
}

function name(use: Use): string {
  return `${KIND_OF[use.configured.section]} "${use.configured.id}"`;
}

async function menderOf(given: Body, needed: readonly Body[], registry: Registry): Promise<string | null> {
  for (const type of registry.types('processor')) {
    const factory = await registry.load('processor', type);
    if (factory?.kind === 'processor' && factory.takes.includes(given) && needed.includes(factory.gives)) return type;
  }
  return null;
}
