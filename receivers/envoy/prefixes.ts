/** @module Which way a listener faces, by the prefix of its statistics. */
import type { Direction } from './cluster-pattern.ts';

/** Listeners of the proxy itself: admin, scrapes, readiness, and Envoy's own calls. */
const CONTROL: readonly string[] = [
  ...['admin', 'stats', 'agent', 'envoy_prometheus_metrics', 'envoy_metrics', 'envoy_ready', 'system_envoy_admin'],
  ...['async-client', 'prometheus_inbound', 'kuma_metrics*', 'kuma_envoy_admin*'],
];
const INBOUND: readonly string[] = ['ingress*', 'public_listener', 'inbound*'];
const OUTBOUND: readonly string[] = ['egress*', 'upstream*', 'outbound*'];
const LOCALHOST = /^localhost_\d{1,5}$/;

export interface PrefixOptions {
  /** Names, or beginnings of names that end with `*`; they come before what is built in. */
  readonly inbound: readonly string[];
  readonly outbound: readonly string[];
  readonly control: readonly string[];
}

/** Direction of the listener whose statistics begin with `prefix`; null when nothing tells it. */
export function createPrefixes(options: PrefixOptions): (prefix: string) => Direction | null {
  const table: readonly (readonly [readonly string[], Direction])[] = [
    [options.control, 'control'],
    [options.inbound, 'inbound'],
    [options.outbound, 'outbound'],
    [CONTROL, 'control'],
    [INBOUND, 'inbound'],
    [OUTBOUND, 'outbound'],
  ];
  return (prefix) => {
    for (const [names, direction] of table) if (names.some((name) => isMeant(name, prefix))) return direction;
    return LOCALHOST.test(prefix) ? 'inbound' : null;
  };
}

function isMeant(name: string, prefix: string): boolean {
  return name.endsWith('*') ? prefix.startsWith(name.slice(0, -1)) : prefix === name;
}
