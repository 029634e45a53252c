/** @module Components that believe any certificate: told at start and shown as long as Weir runs, so that none is forgotten. */
import type { Kind } from '../component.ts';
import type { Logger } from './logger.ts';
import type { Meters } from './meters.ts';

/** A component and the value of its schema. */
export interface ConfiguredComponent {
  readonly kind: Kind;
  /** `type` or `type/name`. */
  readonly id: string;
  readonly config: unknown;
}

/** As configurations of clients name it, checked or not. */
const KEYS: ReadonlySet<string> = new Set(['insecure_skip_verify', 'insecureSkipVerify']);
/** Configurations are no deeper (WEIR1025). */
const MOST_LEVELS = 64;

/** Whether `insecure_skip_verify: true` stands anywhere in it. O(values). */
export function skipsVerification(config: unknown, levels = MOST_LEVELS): boolean {
  if (!isData(config) || levels === 0) return false;
  return Object.entries(config).some(
    ([key, value]) => (value === true && KEYS.has(key)) || skipsVerification(value, levels - 1),
  );
}

/** Lists and mappings; schemas make other objects of some values, which hold no keys. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

/** Tells of each such component in the log and registers the gauge. `components` may name one twice. */
export function tellUnverified(components: Iterable<ConfiguredComponent>, log: Logger, meters: Meters): void {
  const unverified = new Map<string, { kind: Kind; component: string }>();
  for (const { kind, id, config } of components)
    if (skipsVerification(config)) unverified.set(`${kind} ${id}`, { kind, component: id });
  for (const labels of unverified.values())
    log.warn(
      { ...labels, mend: 'set ca_file in place of insecure_skip_verify' },
      'certificates of peers are not verified: whoever answers at the address is believed',
    );
  meters.gauge(
    'weir_tls_unverified_peers',
    'Always 1, for each component that believes any certificate of its peers (insecure_skip_verify).',
    () => Array.from(unverified.values(), (attributes) => ({ value: 1, attributes })),
  );
}
