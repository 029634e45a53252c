/** @module Addresses that the configuration would listen on, and whether two of them are the same. */
import { type Configured, KIND_OF } from './components.ts';
import type { Report } from './report.ts';
import type { Place } from './source.ts';
import { findAt, type Path } from './tree.ts';
import { type Endpoint, isLoopback } from './types.ts';

export interface Listener {
  /** Who listens, as shown in messages. */
  readonly who: string;
  readonly endpoint: Endpoint;
  /** null when the address is a default in no file. */
  readonly at: Place | null;
  readonly path: Path;
}

/**
 * Listeners of a component. By convention a key `endpoint` whose value is host and port (`endpoint()` in `types.ts`) is
 * an address to listen on; where a component sends to is a URL or a list of brokers.
 */
export function listenersOf(configured: Configured): Listener[] {
  const { checked, entry, section, id } = configured;
  if (checked === null) return [];
  return endpointsIn(checked.config, []).map(({ path, endpoint }) => {
    const found = findAt(entry.value, path);
    return {
      who: `${KIND_OF[section]} "${id}"`,
      endpoint,
      at: found.exact ? found.tree.at : entry.keyAt,
      path: [section, entry.key, ...path],
    };
  });
}

const DEEPEST = 6;

function endpointsIn(value: unknown, path: Path): { path: Path; endpoint: Endpoint }[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || path.length > DEEPEST) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...path, key];
    return key === 'endpoint' && isEndpoint(inner) ? [{ path: here, endpoint: inner }] : endpointsIn(inner, here);
  });
}

function isEndpoint(value: unknown): value is Endpoint {
  if (typeof value !== 'object' || value === null) return false;
  return 'host' in value && typeof value.host === 'string' && 'port' in value && typeof value.port === 'number';
}

/** Reports each listener that would find its port taken by an earlier one. */
export function checkClashes(listeners: readonly Listener[], report: Report): void {
  for (const [index, listener] of listeners.entries()) {
    const earlier = listeners.slice(0, index).find((other) => clash(other.endpoint, listener.endpoint));
    if (earlier === undefined) continue;
    const address = `${listener.endpoint.host}:${listener.endpoint.port}`;
    report.add('WEIR1020', listener.at ?? earlier.at, {
      message: `${listener.who} and ${earlier.who} both listen on ${address}`,
      note: 'used twice',
      mend: `give one of them another port (${listener.path.join('.')} or ${earlier.path.join('.')})`,
      path: listener.path,
    });
  }
}

const ANY = new Set(['0.0.0.0', '::', '']);

function clash(a: Endpoint, b: Endpoint): boolean {
  if (a.port === 0 || a.port !== b.port) return false;
  return ANY.has(a.host) || ANY.has(b.host) || canonical(a.host) === canonical(b.host);
}

/** Whether what is sent to `address` arrives at the listener of this machine; other names of the machine are not known. */
export function isReachedAs(listener: Endpoint, address: Endpoint): boolean {
  if (listener.port === 0 || listener.port !== address.port) return false;
  const [here, there] = [hostOf(listener), hostOf(address)];
  if (here === there) return true;
  if (!ANY.has(there) && !isLoopback(there)) return false;
  if (here === '0.0.0.0' && there.includes(':')) return false;
  if (ANY.has(here)) return true;
  // Both names stand for more than one address.
  return isLoopback(here) && [here, there].some((host) => host === 'localhost' || ANY.has(host));
}

function hostOf({ host }: Endpoint): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function canonical(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host.toLowerCase();
}
