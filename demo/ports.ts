/** @module Ports that are free on this machine. */
import { createServer } from 'node:net';

const TRIES = 100;

/**
 * `wanted` when nobody listens there, else the next free one above it, never one of `taken`. Throws when a hundred
 * ports in a row are taken. Somebody else may take it before it is used; the listener's own error tells then.
 */
export async function findPort(host: string, wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  const last = Math.min(65_535, wanted + TRIES);
  for (let port = wanted; port <= last; port++) {
    if (!taken.has(port) && (await isFree(host, port))) return port;
  }
  throw new Error(
    `no free port from ${wanted} to ${last} on ${host}: end what listens there, or choose another --port`,
  );
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
