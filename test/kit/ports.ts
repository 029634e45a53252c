/** @module Ports for servers that must be told theirs, and must get it again after a restart. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what systems give to connections that go out (32768 on Linux): while a server is down, nobody is given its port. Above
 * what well-known services use.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const MAX_TRIES = 200;

/** Distinct ports of loopback that are free now, chosen at random so that tests beside each other do not meet. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === MAX_TRIES) throw new Error(`no ${count} free ports in ${MAX_TRIES} tries`);
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const failed = once(server, 'error').then(() => false);
  server.listen(port, '127.0.0.1');
  const free = await Promise.race([once(server, 'listening').then(() => true), failed]);
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}
