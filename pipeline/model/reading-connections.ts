/** @module Connections that both their ends counted: added up, seen from the other end, and taken off one another. */
import { UNWATCHED } from './reached.ts';
import { copyRecord } from './sum.ts';
import type { TcpTotals, TrafficRecord } from './traffic.ts';

export function noConnections(): TcpTotals {
  return { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
}

export function addConnections(into: TcpTotals, from: TcpTotals): void {
  into.opened += from.opened;
  into.closed += from.closed;
  into.readBytes += from.readBytes;
  into.writtenBytes += from.writtenBytes;
}

/** The same connections as their other end counts them: what one reads the other wrote. */
export function mirrored({ opened, closed, readBytes, writtenBytes }: TcpTotals): TcpTotals {
  return { opened, closed, readBytes: writtenBytes, writtenBytes: readBytes };
}

/**
 * `records` less the connections `told`, as copies that share what is left in proportion; none when those are all there is,
 * within 5 %. Opened ones and bytes must both speak for more, as far as there are any. O(records).
 */
export function withoutConnections(records: readonly TrafficRecord[], told: TcpTotals): readonly TrafficRecord[] {
  const all = noConnections();
  for (const { tcp } of records) if (tcp !== null) addConnections(all, tcp);
  return isMore(all, told) ? records.map((record) => lessShare(record, all, told)) : [];
}

function isMore(all: TcpTotals, told: TcpTotals): boolean {
  const pairs = [
    [all.opened + all.closed, told.opened + told.closed],
    [all.readBytes + all.writtenBytes, told.readBytes + told.writtenBytes],
  ] as const;
  const counted = pairs.filter(([mine]) => mine > 0);
  return counted.length > 0 && counted.every(([mine, theirs]) => mine > theirs * UNWATCHED);
}

function lessShare(record: TrafficRecord, all: TcpTotals, told: TcpTotals): TrafficRecord {
  const copy = copyRecord(record);
  if (copy.tcp === null) return copy;
  for (const each of ['opened', 'closed', 'readBytes', 'writtenBytes'] as const) {
    if (all[each] === 0) continue;
    copy.tcp[each] = Math.round(copy.tcp[each] * Math.max(0, 1 - told[each] / all[each]));
  }
  return copy;
}
