/**
 * @module A process of its own that attacks: so that neither the good clients nor what measures wait for it. Told a name, the
 * ports and the scale, it does that attack and tells all tries; the system runs it after everybody else.
 */
import { setPriority } from 'node:os';
import { Attacker, type Scale, type Tried } from './otlp-victim-attack.ts';
import { ATTACKS, type AttackName } from './otlp-victim-attacks.ts';
import type { Ports } from './otlp-victim-calls.ts';

export interface Order {
  readonly name: AttackName;
  readonly ports: Ports;
  readonly scale: Scale;
}

export type Report = { readonly tried: readonly Tried[] } | { readonly error: string };

const LOW_PRIORITY = 15;

async function attack({ name, ports, scale }: Order): Promise<Report> {
  const attacker = new Attacker(ports, scale);
  try {
    await ATTACKS[name](attacker);
    return { tried: attacker.tried };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    attacker.caller.close();
  }
}

setPriority(LOW_PRIORITY);
process.on('message', async (order: Order) => process.send?.(await attack(order)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
