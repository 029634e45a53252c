/** @module `/v1/drops`: the drop journal as plain JSON (`apiVersion` `weir/v1`, fields are only added). */
import { isLoopback, parseEndpoint } from '../config/types.ts';
import type { PlainAnswer, PlainRoute } from '../net/plain-server.ts';
import type { DropEntry, DropJournal } from './drop-journal.ts';
import { timeText } from './drop-text.ts';

/** To whom: any machine, this one, or nobody. */
export type DropsShown = 'everywhere' | 'here' | 'nowhere';

const API_VERSION = 'weir/v1';

/** All entries, the latest drop first, and what the journal could not keep. O(entries · log entries). */
function dropsAnswer(journal: DropJournal): PlainAnswer {
  return json(200, {
    apiVersion: API_VERSION,
    since: timeText(journal.startedMs),
    maxEntries: journal.maxEntries,
    forgotten: journal.forgotten,
    components: journal.components(),
    drops: journal.list().map(plainEntry),
  });
}

/** The route of `/v1/drops`: the journal, or why not. */
export function dropsRoute(journal: DropJournal, { shown }: { readonly shown: DropsShown }): PlainRoute {
  return (_query, host) => {
    if (shown === 'nowhere')
      return refusal(`the drop journal is not shown on an address that other machines reach; ${MEND}`);
    if (shown === 'here' && !isNamedHere(host))
      return refusal('the drop journal is shown to who asks 127.0.0.1 or localhost');
    return dropsAnswer(journal);
  };
}

const MEND = 'set service.telemetry.metrics.address to 127.0.0.1, or service.telemetry.drops.insecure_allow to true';

/** Any other name may be a stranger's that was made to point here, so that a browser takes its page for one from here. */
function isNamedHere(host: string): boolean {
  return isLoopback(parseEndpoint(/:\d+$/.test(host) ? host : `${host}:80`)?.host ?? '');
}

function refusal(message: string): PlainAnswer {
  return json(403, { apiVersion: API_VERSION, message });
}

function plainEntry(entry: DropEntry): object {
  const { kind, component, signal, reason, items, times, firstMs, lastMs, error, severalErrors, sample } = entry;
  const seen = { firstAt: timeText(firstMs), lastAt: timeText(lastMs) };
  return { kind, component, signal, reason, items, times, ...seen, error, severalErrors, sample };
}

function json(status: number, value: object): PlainAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}
