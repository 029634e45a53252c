/** @module Proxies whose pages stand still until a test turns them, each with its number on it for whoever reads it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** Gauge on every page that says which page it is, from 1. */
export const PAGE_NUMBER = 'judge_page';

export interface FrozenProxy {
  /** `host:port`. */
  readonly address: string;
  readonly path: string;
}

/** Serves one list of pages per proxy. */
export class FrozenPages {
  readonly proxies: FrozenProxy[] = [];
  readonly #servers: Server[] = [];
  #number = 1;

  /** A proxy on a port of its own; `pageOf` is asked for the page of the present number at each scrape. */
  async add(path: string, pageOf: (number: number) => string): Promise<FrozenProxy> {
    const server = createServer((request, response) => {
      const known = request.url === path;
      response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(known ? numbered(pageOf(this.#number), this.#number) : '');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    this.#servers.push(server);
    const proxy = { address: `127.0.0.1:${address.port}`, path };
    this.proxies.push(proxy);
    return proxy;
  }

  turnTo(number: number): void {
    this.#number = number;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }
}

/** The number stands first: some pages end with a mark of their own. */
function numbered(page: string, number: number): string {
  return `# TYPE ${PAGE_NUMBER} gauge\n${PAGE_NUMBER} ${number}\n${page}`;
}
