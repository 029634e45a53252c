/** @module `/v1/drops`: the drop journal as plain JSON (`apiVersion` `weir/v1`, fields are only added). */
import type { PlainAnswer } from '../net/plain-server.ts';
import type { DropEntry, DropJournal } from './drop-journal.ts';
import { timeText } from './drop-text.ts';

const API_VERSION = 'weir/v1';

/** All entries, the latest drop first, and what the journal could not keep. O(entries · log entries). */
export function dropsAnswer(journal: DropJournal): PlainAnswer {
  return json(200, {
    apiVersion: API_VERSION,
    since: timeText(journal.startedMs),
    maxEntries: journal.maxEntries,
    forgotten: journal.forgotten,
    drops: journal.list().map(plainEntry),
  });
}

/** In place of the journal on a listener that other machines reach. */
export function dropsClosed(): PlainAnswer {
  const message =
    'the drop journal is not shown on an address that other machines reach; set service.telemetry.metrics.address to ' +
    '127.0.0.1, or service.telemetry.drops.insecure_allow to true';
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
